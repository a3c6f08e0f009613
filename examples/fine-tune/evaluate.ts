/** Answers of a model to written orders, and how many are right. */
import type { GenerationRequest, TextGenerator } from "../../src/generate/index.ts";
import { gradeAnswer, INSTRUCTION, type WrittenOrder } from "./orders.ts";

export interface Answered {
  readonly id: string;
  readonly text: string;
  readonly promptIds: readonly number[];
  readonly answer: string;
  readonly answerIds: readonly number[];
}

export interface Score {
  readonly orders: number;
  /** Answers that are right in every field and nothing but JSON. */
  readonly exact: number;
  /** Mean share of right fields. */
  readonly fields: number;
}

interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export function conversationOf(order: WrittenOrder, shown: readonly WrittenOrder[] = []): Message[] {
  return [
    { role: "system", content: INSTRUCTION },
    ...shown.flatMap((example): Message[] => [
      { role: "user", content: example.text },
      { role: "assistant", content: JSON.stringify(example.order) },
    ]),
    { role: "user", content: order.text },
  ];
}

const REQUEST: Omit<GenerationRequest, "prompt"> = { temperature: 0, maxTokens: 96 };

/** Greedy answers, all orders at once; `shown` are solved orders in front of each. */
export async function answerOrders(
  generator: TextGenerator,
  orders: readonly WrittenOrder[],
  shown: readonly WrittenOrder[],
  onAnswer: () => void,
): Promise<Answered[]> {
  return Promise.all(
    orders.map(async (order) => {
      const prompt = generator.chatPrompt(conversationOf(order, shown));
      const [answer] = await generator.generate({ ...REQUEST, prompt });
      onAnswer();
      return {
        id: order.id,
        text: order.text,
        promptIds: [...prompt],
        answer: answer!.text.trim(),
        answerIds: answer!.tokens.map(({ id }) => id),
      };
    }),
  );
}

export function scoreAnswers(orders: readonly WrittenOrder[], answers: readonly Answered[]): Score {
  const grades = orders.map(({ order }, index) => gradeAnswer(answers[index]!.answer, order));
  return {
    orders: orders.length,
    exact: grades.filter(({ isExact }) => isExact).length,
    fields: grades.reduce((sum, { fields }) => sum + fields, 0) / grades.length,
  };
}
