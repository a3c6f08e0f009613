/** What the mock provider can give: a client that does nothing but ask. */
import { Agent, request } from "node:http";
import { answersPerSecond, PLACES, startMockProvider } from "../mock-provider.ts";
import { answerRounds } from "./answer-rounds.ts";

const [answers, answerMs] = process.argv.slice(2).map(Number) as [number, number];
const origin = await startMockProvider(answerMs);
// One more than there are places, so that each finds the next call waiting.
const agent = new Agent({ keepAlive: true, maxSockets: PLACES + 1 });
const body = JSON.stringify({
  model: "mock",
  messages: [{ role: "user", content: "A question. ".repeat(10) }],
});

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const asking = request(
      `${origin}/v1/chat/completions`,
      { method: "POST", agent, headers },
      (response) => {
        response.resume().once("end", resolve);
      },
    );
    asking.once("error", reject).end(body);
  });
}

await answerRounds({}, async () => {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  let left = answers;
  const client = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: PLACES + 1 }, client));
  return answersPerSecond(performance.now() - startedMs, answers, process.cpuUsage(before));
});
process.exit();
