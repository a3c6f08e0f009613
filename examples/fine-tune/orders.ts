/**
 * The skill: a written order becomes JSON. Every answer can be checked by a program: quantities in words become numbers,
 * dates of any spelling become YYYY-MM-DD, tone becomes a priority.
 *
 * Customers, products and phrasings of the held-out orders are not among those of the training orders.
 */
import { RandomStream, streamOf } from "../../src/tensor/index.ts";

export interface Order {
  readonly customer: string;
  readonly product: string;
  readonly quantity: number;
  readonly deliver_on: string;
  readonly priority: "high" | "normal" | "low";
}

export interface WrittenOrder {
  readonly id: string;
  readonly text: string;
  readonly order: Order;
}

export const INSTRUCTION =
  'Turn the order into JSON with the keys "customer", "product" (as written, singular), "quantity" (a number), "deliver_on" (YYYY-MM-DD) and "priority" (high, normal or low).';

interface Vocabulary {
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly products: readonly string[];
}

const words = (text: string): string[] => text.split(",").map((word) => word.trim());

const TRAINING: Vocabulary = {
  first: words(
    "Ana,Ben,Carla,David,Elena,Farid,Grace,Hugo,Ines,Jonas,Katya,Liam,Mira,Noah,Olga,Pedro,Rosa,Samir",
  ),
  last: words(
    "Moreau,Schmidt,Okafor,Lindgren,Rossi,Tanaka,Novak,Pereira,Walsh,Dubois,Keller,Haddad,Jensen,Kowalski,Marino,Ortega",
  ),
  products: words(
    "desk lamp,oak table,garden chair,wool blanket,steel kettle,wall clock,paper tray,phone stand,travel mug,picture frame,door handle,bath towel,kitchen scale,coat rack,flower pot,bread board,floor mat,tea set,shoe rack,music stand,reading light,water bottle,tool bag,plant pot,candle holder,serving bowl,filing cabinet,folding ladder,soup plate,monitor arm",
  ),
};

const HELD_OUT: Vocabulary = {
  first: words("Amara,Bruno,Celine,Dmitri,Esther,Felix,Greta,Hassan"),
  last: words("Fischer,Nakamura,Almeida,Petrov,Brennan,Castillo,Eriksen,Yilmaz"),
  products: words(
    "bicycle pump,glass vase,pepper mill,camping tent,piano stool,laptop sleeve,salad fork,window blind",
  ),
};

const MONTHS = words("January,February,March,April,May,June,July,August,September,October,November,December");
const NUMBERS = words("zero,one,two,three,four,five,six,seven,eight,nine,ten,eleven,twelve");

/** {who} {what} {when} {how}: customer, quantity with product, date, urgency. */
const TRAINING_PHRASINGS = [
  "Hello, this is {who}. Please send {what} by {when}. {how}",
  "{who} would like {what}, delivered on {when}. {how}",
  "Could you ship {what} to {who}? It should arrive {when}. {how}",
  "New order from {who}: {what}. Delivery date {when}. {how}",
  "I need {what} on {when}. {how} Regards, {who}",
  "{how} We are waiting for {what}, due {when}. Customer: {who}.",
  "Order for {when}: {what}, for {who}. {how}",
  "Hi there! {what} please, for {when}. {how} Thanks, {who}",
];
const HELD_OUT_PHRASINGS = [
  "Our customer {who} rang and asked for {what}; the van should come on {when}. {how}",
  "Put {what} aside for {who}, who expects the parcel on {when}. {how}",
  "As discussed, {when} is the day on which {who} wants to receive {what}. {how}",
];

const URGENCY: Readonly<Record<Order["priority"], readonly string[]>> = {
  high: [
    "This is urgent.",
    "We need it as soon as possible!",
    "It cannot wait.",
    "Please hurry.",
    "Top priority, please.",
  ],
  normal: [
    "Thank you.",
    "The usual terms apply.",
    "Please confirm.",
    "Same address as before.",
    "Have a nice day.",
  ],
  low: [
    "There is no rush.",
    "Take your time.",
    "It is not urgent at all.",
    "Whenever it suits you.",
    "A later day is fine too.",
  ],
};

const pad = (value: number): string => String(value).padStart(2, "0");

function ordinal(day: number): string {
  const ending = day % 100 >= 11 && day % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");
  return `${day}${ending}`;
}

/** Spellings of one date; numeric ones begin with the day. */
const DATE_SPELLINGS: readonly ((day: number, month: number, year: number) => string)[] = [
  (day, month, year) => `${day} ${MONTHS[month - 1]} ${year}`,
  (day, month, year) => `${MONTHS[month - 1]} ${ordinal(day)}, ${year}`,
  (day, month, year) => `the ${ordinal(day)} of ${MONTHS[month - 1]} ${year}`,
  (day, month, year) => `${pad(day)}.${pad(month)}.${year}`,
  (day, month, year) => `${day} ${MONTHS[month - 1]!.slice(0, 3)} ${year}`,
];

function quantityText(quantity: number, asWord: boolean, product: string): string {
  const things = quantity === 1 ? product : `${product}s`;
  if (asWord && quantity === 12) return `a dozen ${things}`;
  return `${asWord && quantity <= 12 ? NUMBERS[quantity] : quantity} ${things}`;
}

export type OrderSet = "training" | "held-out values" | "held-out values and phrasings";

/** `count` different orders, always the same ones. */
export function writtenOrders(set: OrderSet, count: number): WrittenOrder[] {
  const vocabulary = set === "training" ? TRAINING : HELD_OUT;
  const phrasings = set === "held-out values and phrasings" ? HELD_OUT_PHRASINGS : TRAINING_PHRASINGS;
  const random = new RandomStream({ seed: 20, stream: streamOf(set) });
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.nextUniform() * items.length)]!;
  const range = (from: number, to: number): number =>
    from + Math.floor(random.nextUniform() * (to - from + 1));
  const seen = new Set<string>();
  const orders: WrittenOrder[] = [];
  while (orders.length < count) {
    const [day, month, year] = [range(1, 28), range(1, 12), range(2025, 2029)];
    const order: Order = {
      customer: `${pick(vocabulary.first)} ${pick(vocabulary.last)}`,
      product: pick(vocabulary.products),
      quantity: range(1, 24),
      deliver_on: `${year}-${pad(month)}-${pad(day)}`,
      priority: pick(["high", "normal", "low"] as const),
    };
    const text = pick(phrasings)
      .replace("{who}", order.customer)
      .replace("{what}", quantityText(order.quantity, random.nextUniform() < 0.5, order.product))
      .replace("{when}", pick(DATE_SPELLINGS)(day, month, year))
      .replace("{how}", pick(URGENCY[order.priority]));
    if (seen.has(text)) continue;
    seen.add(text);
    orders.push({ id: `${set} ${orders.length}`, text, order });
  }
  return orders;
}

const KEYS = ["customer", "product", "quantity", "deliver_on", "priority"] as const;

export interface Grade {
  /** The whole answer is JSON and every field is right. */
  readonly isExact: boolean;
  /** Share of right fields; 0 when the answer is no JSON. */
  readonly fields: number;
}

/** Compares an answer with the order; text around the first {...} does not count against a field. */
export function gradeAnswer(answer: string, order: Order): Grade {
  let whole = true;
  let received: unknown;
  try {
    received = JSON.parse(answer);
  } catch {
    whole = false;
    try {
      received = JSON.parse(/\{[^{}]*\}/.exec(answer)?.[0] ?? "");
    } catch {
      return { isExact: false, fields: 0 };
    }
  }
  if (typeof received !== "object" || received === null) return { isExact: false, fields: 0 };
  const fields = received as Readonly<Record<string, unknown>>;
  const right = KEYS.filter((key) => fields[key] === order[key]).length;
  const isExact = whole && right === KEYS.length && Object.keys(fields).length === KEYS.length;
  return { isExact, fields: right / KEYS.length };
}
