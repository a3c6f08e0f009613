/**
 * Trains one router in a process of its own, so that the peak of memory is its own.
 *
 *   train-router-once.ts METHOD PROMPTS CANDIDATES
 *
 * Prints {seconds, peakRssBytes, rowsRssBytes}: the time of training without reading and embedding, the peak of the whole
 * process, and what was resident when training began.
 */
import { METHODS, trainingRows, warmEmbedder } from "../training-work.ts";

const [method, prompts, names] = process.argv.slice(2) as [string, string, string];
const { records, candidates } = await trainingRows({ prompts: Number(prompts), candidates: Number(names) });
const embedder = await warmEmbedder(records);
const rowsRssBytes = process.memoryUsage().rss;
const startedAt = performance.now();
await METHODS[method]!(records, candidates, embedder);
const seconds = (performance.now() - startedAt) / 1000;
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ seconds, peakRssBytes, rowsRssBytes })}\n`);
