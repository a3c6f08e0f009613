/** `trainWide` in a worker thread. JavaScript, because Node 20 gives a worker no loader for TypeScript by option. */
import { parentPort, workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { trainWide } = await import("./wide-task.ts");
parentPort.postMessage(await trainWide(workerData));
