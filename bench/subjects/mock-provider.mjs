/** A provider with a fixed number of places: answers wait for one, then take a fixed time. Prints its port. */
import { createServer } from "node:http";

const [places, answerMs] = process.argv.slice(2).map(Number);
const waiting = [];
let open = 0;

const BODY = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_755_000_000,
  model: "mock",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "An answer of some words. ".repeat(20) },
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 40, completion_tokens: 120, total_tokens: 160 },
});

function next() {
  while (open < places && waiting.length > 0) {
    const response = waiting.shift();
    open++;
    setTimeout(() => {
      open--;
      response.writeHead(200, { "content-type": "application/json" }).end(BODY);
      next();
    }, answerMs);
  }
}

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    waiting.push(response);
    next();
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
// The pipe closes with the process that started this one, however it ends.
process.stdin.resume().on("close", () => process.exit());
