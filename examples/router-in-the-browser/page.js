/** The page: a prompt goes in, the candidates come out in order. */
import { openRouter } from "./router.js";

const EXAMPLES = {
  Code: "Write a Python function that merges two sorted lists without using sort().",
  Mathematics: "How many positive integers below 1000 are divisible by 7 but not by 11? Show your steps.",
  Letter: "Draft a friendly e-mail that asks my landlord to repair the heating before Friday.",
  Fact: "What is the capital of Burkina Faso?",
};

const element = (id) => document.getElementById(id);
const [prompt, choice, list, status] = ["prompt", "choice", "scores", "status"].map(element);

function made(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

/** Bars show where a score lies between the lowest and the highest: scores compare within a prompt only. */
function show(candidates, scores, note) {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const order = scores.map((_, index) => index).sort((a, b) => scores[b] - scores[a] || a - b);
  choice.replaceChildren("Ask ", made("strong", "", candidates[order[0]]));
  list.replaceChildren(
    ...order.map((index) => {
      const item = document.createElement("li");
      item.dataset.model = candidates[index];
      item.dataset.score = scores[index];
      const track = made("div", "track");
      const bar = made("div", "bar");
      bar.style.width = `${high > low ? (100 * (scores[index] - low)) / (high - low) : 100}%`;
      track.append(bar);
      item.append(
        made("span", "name", candidates[index]),
        made("span", "score", scores[index].toFixed(3)),
        track,
      );
      return item;
    }),
  );
  status.textContent = note;
}

function describe({ method, kind, precision, digest, files, tokenization }) {
  const megabytes = files.reduce((sum, file) => sum + file.bytes, 0) / 1e6;
  const lines = [
    `${method} (${kind}), ${precision}, ${megabytes.toFixed(1)} MB, up to ${tokenization.maxTokens} tokens of a prompt`,
    `Files checked against digest ${digest.slice(0, 16)}`,
  ];
  element("about").replaceChildren(...lines.map((line) => made("p", "", line)));
}

/** The newest prompt is decided next; those typed over meanwhile are skipped. */
function createDecider(router) {
  let [running, waiting] = [false, false];
  return async function decide() {
    waiting = true;
    if (running) return;
    running = true;
    while (waiting) {
      waiting = false;
      const startedAt = performance.now();
      const { scores, tokens } = await router.scores(prompt.value);
      const milliseconds = performance.now() - startedAt;
      show(router.candidates, scores, `${tokens} tokens decided in ${milliseconds.toFixed(0)} ms`);
    }
    running = false;
  };
}

async function start() {
  const router = await openRouter("export");
  describe(router.manifest);
  const decide = createDecider(router);
  const attempt = () => decide().catch(fail);
  element("examples").append(
    ...Object.entries(EXAMPLES).map(([name, text]) => {
      const button = made("button", "", name);
      button.type = "button";
      button.onclick = () => {
        prompt.value = text;
        return attempt();
      };
      return button;
    }),
  );
  prompt.oninput = attempt;
  prompt.value ||= EXAMPLES.Code;
  await decide();
  prompt.focus();
}

function fail(error) {
  status.className = "failed";
  status.textContent = error.message;
}

await start().catch(fail);
