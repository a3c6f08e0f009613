/** Takes a job's items until none is left, two answers and a judgement an item; says on stdout what it finished. Arguments: store, name, items. */
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../src/judged/store/open.ts";
import { judgementRow, promptRow, responseRow } from "../support/store-rows.ts";

const [url, name, count] = process.argv.slice(2) as [string, string, string];
const store = await openStore(url);
const prompts = Array.from({ length: Number(count) }, (_, index) => promptRow(index));
const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]));
await store.putPrompts(prompts);
await store.work.add("job", [...byId.keys()]);
process.stdout.write("ready\n");

for (;;) {
  const items = await store.work.claim("job", name, 3, 500);
  if (items.length === 0) {
    const { open, leased } = await store.work.progress("job");
    if (open + leased === 0) break;
    await sleep(20);
    continue;
  }
  await sleep(5);
  const rows = items.map((item) => {
    const prompt = byId.get(item)!;
    const text = `by ${name}`;
    const responses = [0, 1].map((seedIndex) => responseRow(prompt, { seedIndex, text }));
    return { item, responses, judgements: [judgementRow(responses[0]!, { explanation: { by: name } })] };
  });
  const finished = await store.work.finish("job", name, rows);
  process.stdout.write(finished.map((item) => `done ${item}\n`).join(""));
}
await store.close();
