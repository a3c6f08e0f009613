/** Small instructions that a program can check, with the topics that they are about. */

export const TOPICS = [
  ...["the sea", "a lost key", "winter", "an old train", "a bakery", "a garden", "the moon", "a bicycle"],
  ...[
    "a library",
    "a small island",
    "rain",
    "a market",
    "a lighthouse",
    "bread",
    "a violin",
    "a quiet street",
  ],
];

export interface Instruction {
  readonly name: string;
  readonly text: (topic: string) => string;
  readonly constraints: readonly object[];
}

export const INSTRUCTIONS: readonly Instruction[] = [
  {
    name: "short",
    text: (topic) => `Write one sentence about ${topic} in at most ten words.`,
    constraints: [{ kind: "words", atLeast: 3, atMost: 10 }],
  },
  {
    name: "long",
    text: (topic) => `Write a paragraph of at least sixty words about ${topic}.`,
    constraints: [{ kind: "words", atLeast: 60 }],
  },
  {
    name: "keyword",
    text: (topic) => `Write two sentences about ${topic} that contain the word "yesterday".`,
    constraints: [{ kind: "keywords", words: ["yesterday"] }],
  },
  {
    name: "bullets",
    text: (topic) =>
      `List exactly three facts about ${topic} as a Markdown list with one "*" at the start of each line.`,
    constraints: [{ kind: "bullets", atLeast: 3, atMost: 3 }],
  },
];
