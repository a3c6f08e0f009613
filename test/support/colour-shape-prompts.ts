/** Prompts of a colour and a shape in filler words: which candidate is right depends on both together, as in XOR. */
import type { JudgedRecord } from "../../src/judged/record.ts";
import { RandomStream } from "../../src/tensor/random.ts";

const COLOURS = ["crimson", "azure"];
const SHAPES = ["circle", "square"];
const FILLERS = Array.from({ length: 40 }, (_, index) => `filler${index}`);

/**
 * No linear function of the words tells who is right, their neighbourhoods do; a third candidate always scores
 * `third`. One prompt in ten is judged the other way round.
 */
export function colourShapeRecords(count: number, third = 0.4): JudgedRecord[] {
  const random = new RandomStream({ seed: 5, stream: 1 });
  return Array.from({ length: count }, (_, index) => {
    const [colour, shape] = [index % 2, Math.floor(index / 2) % 2];
    const isNoise = random.nextUniform() < 0.1;
    const isEqual = (colour === shape) !== isNoise;
    const filler = FILLERS[random.nextInteger(FILLERS.length)]!;
    // Apart, so that no pair of neighbouring words gives the answer away.
    const words = `${`${COLOURS[colour]} `.repeat(4)}and the ${`${SHAPES[shape]} `.repeat(4)}`;
    const answer = (score: number) => ({ response: "an answer", score });
    return {
      id: `r${index}`,
      benchmark: index % 3 === 0 ? "first" : "second",
      prompt: `${words}${filler} number ${index}`,
      candidates: {
        same: answer(isEqual ? 1 : 0),
        different: answer(isEqual ? 0 : 1),
        steady: answer(third),
      },
    };
  });
}
