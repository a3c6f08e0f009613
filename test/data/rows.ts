/** Tiny data sets in the shapes that other projects publish, for round trips and for harm. */

export interface Sample {
  readonly format: string;
  /** Rows of a file. */
  readonly rows: readonly Record<string, unknown>[];
  /** Files that have to be read before: format of `SAMPLES`. */
  readonly after?: readonly string[];
  /** Fields without which a row is refused. */
  readonly needed: readonly string[];
  /** What the rows become: prompts, responses, judgements. */
  readonly counts: readonly [number, number, number];
}

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const UTF8 = 'Grüße, 你好, 🙂 \u2028 "quoted", back\\slash\nnew line';

export const SAMPLES: readonly Sample[] = [
  {
    format: "judged-record",
    rows: [
      {
        id: "q1",
        benchmark: "GSM8k",
        split: "test",
        prompt: "2 + 2?",
        reference: "4",
        subject: "sums",
        candidates: {
          small: { response: "5", score: 0, extracted: "5" },
          large: {
            response: "4",
            score: 1,
            tokens: 3,
            samples: [
              { response: "4", score: 1 },
              { response: "4", score: 1 },
            ],
          },
        },
      },
      {
        id: "q2",
        benchmark: "Chat",
        prompt: [{ role: "system", content: "Be brief." }, user(UTF8)],
        candidates: {
          small: { response: UTF8, score: 0.25, cost: 0.001 },
          large: { response: "", score: -3 },
        },
      },
    ],
    needed: ["id", "benchmark", "prompt", "candidates"],
    counts: [2, 5, 5],
  },
  {
    format: "prompts",
    rows: [
      { id: "a", prompt: "2 + 2?", domain: "sums", reference: { answer: "4" } },
      { id: "b", prompt: [{ role: "system", content: "Be brief." }, user(UTF8)] },
    ],
    needed: ["prompt"],
    counts: [2, 0, 0],
  },
  {
    format: "gsm8k",
    rows: [{ question: "How many?", answer: "It is 2 * 500 = <<2*500=1000>>1,000.\n#### 1,000", idx: 7 }],
    needed: ["question", "answer"],
    counts: [1, 0, 0],
  },
  {
    format: "humaneval",
    rows: [
      {
        task_id: "HumanEval/0",
        prompt: "def add(a, b):\n",
        entry_point: "add",
        canonical_solution: "    return a + b\n",
        test: "def check(candidate):\n    assert candidate(1, 2) == 3\n",
      },
    ],
    needed: ["task_id", "prompt", "entry_point", "test"],
    counts: [1, 0, 0],
  },
  {
    format: "messages",
    rows: [
      {
        messages: [
          { role: "system", content: "Be brief." },
          user("Hi"),
          assistant("Hello"),
          user("2 + 2?"),
          assistant("4"),
        ],
      },
      { messages: [user(UTF8)], id: 3 },
      {
        messages: [
          user([
            { type: "text", text: "in " },
            { type: "text", text: "parts" },
          ] as never),
          assistant(UTF8),
        ],
      },
    ],
    needed: ["messages"],
    counts: [3, 2, 0],
  },
  {
    format: "prompt-completion",
    rows: [
      { prompt: "2 + 2?", completion: "4", label: true },
      { prompt: "2 + 2?", completion: "5", label: false },
    ],
    needed: ["prompt", "completion"],
    counts: [1, 2, 2],
  },
  {
    format: "preference",
    rows: [
      { prompt: "2 + 2?", chosen: "4", rejected: "5" },
      {
        prompt: "Which is larger?",
        prompt_id: "p7",
        chosen: [user("Which is larger?"), assistant("9.9")],
        rejected: [user("Which is larger?"), assistant("9.11")],
        score_chosen: 8.5,
        score_rejected: 2,
      },
      { chosen: [user("Hi"), assistant("Hello")], rejected: [user("Hi"), assistant("")] },
      {
        prompt: [user("3 + 3?")],
        chosen: [assistant("6")],
        rejected: [assistant("7")],
        source_chosen: [assistant("3 + 3 = 6")],
        source_chosen_model: "teacher",
      },
    ],
    needed: ["chosen", "rejected"],
    counts: [4, 9, 7],
  },
  {
    format: "alpaca",
    rows: [
      { instruction: "Add", input: "2 and 2", output: "4", system: "Be brief.", history: [["Hi", "Hello"]] },
      { instruction: UTF8, input: "", output: UTF8 },
    ],
    needed: ["instruction", "output"],
    counts: [2, 2, 0],
  },
  {
    format: "alpaca-ranking",
    rows: [{ instruction: "Add", input: "2 and 2", chosen: "4", rejected: "5" }],
    needed: ["instruction", "chosen", "rejected"],
    counts: [1, 2, 1],
  },
  {
    format: "sharegpt",
    rows: [
      {
        conversations: [
          { from: "human", value: "Hi" },
          { from: "gpt", value: "Hello" },
          { from: "human", value: "2 + 2?" },
          { from: "gpt", value: "4" },
        ],
        system: "Be brief.",
      },
    ],
    needed: ["conversations"],
    counts: [1, 1, 0],
  },
  {
    format: "sharegpt-ranking",
    rows: [
      {
        conversations: [{ from: "human", value: "2 + 2?" }],
        chosen: { from: "gpt", value: "4" },
        rejected: { from: "gpt", value: "5" },
      },
    ],
    needed: ["conversations", "chosen", "rejected"],
    counts: [1, 2, 1],
  },
  {
    format: "ultrafeedback",
    rows: [
      {
        source: "evol_instruct",
        instruction: "Write a haiku.",
        models: ["alpaca-7b", "gpt-4"],
        completions: [
          {
            model: "alpaca-7b",
            principle: "helpfulness",
            custom_system_prompt: "Help.",
            response: "Leaves fall",
            annotations: {
              instruction_following: { Rating: "2", Rationale: "Too short." },
              honesty: { Rating: "N/A", Rationale: "-" },
            },
            "fine-grained_score": 2.5,
            overall_score: 4,
            critique: "Add two lines.",
          },
          { model: "gpt-4", response: "Leaves fall\nslowly\ndown", annotations: {}, overall_score: 8.5 },
        ],
      },
    ],
    needed: ["instruction", "completions"],
    counts: [1, 2, 5],
  },
  {
    format: "mt-bench-question",
    rows: [
      { question_id: 81, category: "writing", turns: ["Write a post.", "Rewrite it."] },
      {
        question_id: 101,
        category: "reasoning",
        turns: ["Who is first?", "And last?"],
        reference: ["Ann", "Bob"],
      },
    ],
    needed: ["question_id", "turns"],
    counts: [2, 0, 0],
  },
  {
    format: "mt-bench-answer",
    after: ["mt-bench-question"],
    rows: [
      {
        question_id: 81,
        answer_id: "x1",
        model_id: "small",
        choices: [{ index: 0, turns: ["A post.", "Another post."] }],
        tstamp: 1686286924.5,
      },
      {
        question_id: 81,
        answer_id: "x2",
        model_id: "large",
        choices: [{ index: 0, turns: ["Aloha.", "All aloha."] }],
        tstamp: 1686286925.5,
      },
    ],
    needed: ["question_id", "model_id", "choices"],
    counts: [2, 4, 0],
  },
  {
    format: "mt-bench-single",
    after: ["mt-bench-question", "mt-bench-answer"],
    rows: [
      {
        question_id: 81,
        model: "small",
        judge: ["gpt-4", "single-v1"],
        user_prompt: "...",
        judgment: "Rating: [[6]]",
        score: 6,
        turn: 1,
        tstamp: 1686287000,
      },
      {
        question_id: 81,
        model: "small",
        judge: ["gpt-4", "single-v1-multi-turn"],
        user_prompt: "...",
        judgment: "?",
        score: -1,
        turn: 2,
        tstamp: 1686287001,
      },
    ],
    needed: ["question_id", "model", "judge", "score", "turn"],
    counts: [0, 0, 2],
  },
  {
    format: "mt-bench-pair",
    after: ["mt-bench-question", "mt-bench-answer"],
    rows: [
      {
        question_id: 81,
        model_1: "small",
        model_2: "large",
        g1_winner: "model_2",
        g2_winner: "model_2",
        judge: ["gpt-4", "pair-v2"],
        g1_judgment: "[[B]]",
        g2_judgment: "[[A]]",
        turn: 1,
      },
      {
        question_id: 81,
        model_1: "small",
        model_2: "large",
        g1_winner: "model_2",
        g2_winner: "error",
        judge: ["gpt-4", "pair-v2"],
        turn: 2,
      },
    ],
    needed: ["question_id", "model_1", "model_2", "g1_winner", "g2_winner", "judge", "turn"],
    counts: [0, 0, 2],
  },
  {
    format: "arena-hard-question",
    rows: [
      {
        question_id: "328c149e",
        category: "arena-hard-v0.1",
        cluster: "ABC",
        turns: [{ content: "Use ABC notation." }],
      },
      { uid: "2edb5b10", category: "hard_prompt", prompt: "Prove it." },
    ],
    needed: ["question_id", "turns"],
    counts: [2, 0, 0],
  },
  {
    format: "arena-hard-answer",
    after: ["arena-hard-question"],
    rows: [
      {
        question_id: "328c149e",
        answer_id: "a",
        model_id: "large",
        choices: [{ index: 0, turns: [{ content: "X:1", token_len: 4 }] }],
        tstamp: 1714000000,
      },
      {
        uid: "2edb5b10",
        ans_id: "b",
        model: "large",
        messages: [user("Prove it."), { role: "assistant", content: { answer: "QED" } }],
        tstamp: 1745000000,
        metadata: { token_len: 2 },
      },
    ],
    needed: ["question_id", "model_id", "choices"],
    counts: [0, 2, 0],
  },
  {
    format: "arena-hard-judgment",
    after: ["arena-hard-question", "arena-hard-answer"],
    rows: [
      {
        question_id: "328c149e",
        model: "large",
        judge: "gpt-4-1106-preview",
        games: [
          { user_prompt: "...", judgment: "[[A>B]]", score: "A>B" },
          { judgment: "[[A>>B]]", score: "A>>B" },
        ],
      },
      {
        uid: "2edb5b10",
        category: "hard_prompt",
        judge: "gpt-4.1",
        model: "large",
        baseline: "o3-mini",
        games: [
          { score: null, judgment: { answer: "?" } },
          { score: "A=B", judgment: { answer: "[[A=B]]" } },
        ],
      },
    ],
    needed: ["question_id", "model", "games"],
    counts: [0, 0, 2],
  },
  {
    format: "alpaca-eval-output",
    rows: [
      {
        dataset: "helpful_base",
        instruction: "How is kickball played?",
        output: "With a ball.",
        generator: "small",
      },
    ],
    needed: ["instruction", "output", "generator"],
    counts: [1, 1, 0],
  },
  {
    format: "alpaca-eval-annotation",
    rows: [
      {
        instruction: "How?",
        output_1: "So.",
        generator_1: "gpt4_1106",
        output_2: "Thus.",
        generator_2: "small",
        dataset: "helpful_base",
        annotator: "weighted_alpaca_eval_gpt4_turbo",
        preference: 1.25,
        raw_completion: { logprobs: null },
      },
      {
        instruction: "Why?",
        output_1: "So.",
        generator_1: "gpt4_1106",
        output_2: "Thus.",
        generator_2: "small",
        annotator: "weighted_alpaca_eval_gpt4_turbo",
        preference: null,
      },
    ],
    needed: ["instruction", "output_1", "output_2", "generator_1", "generator_2"],
    counts: [2, 4, 2],
  },
  {
    format: "routellm",
    rows: [
      {
        prompt: "2 + 2?",
        "mistralai/Mixtral": "False",
        "gpt-4": "True",
        "mistralai/Mixtral_response": "5",
        "gpt-4_response": "4",
      },
      {
        prompt: UTF8,
        "mistralai/Mixtral": "0.5",
        "gpt-4": "True",
        "mistralai/Mixtral_response": UTF8,
        "gpt-4_response": "",
      },
    ],
    needed: ["prompt"],
    counts: [2, 4, 4],
  },
  {
    format: "routerbench",
    rows: [
      {
        sample_id: "mmlu.1",
        prompt: "['2 + 2?']",
        eval_name: "mmlu",
        "gpt-4": 1,
        "gpt-4|model_response": "4",
        "gpt-4|total_cost": 0.0023,
        "WizardLM/13B": 0,
        "WizardLM/13B|model_response": "5",
        "WizardLM/13B|total_cost": 0.0001,
        oracle_model_to_route_to: "gpt-4",
      },
    ],
    needed: ["sample_id", "prompt", "gpt-4"],
    counts: [1, 2, 2],
  },
  {
    format: "openai-chat",
    rows: [
      {
        request: { model: "gpt-4o-mini", messages: [user("2 + 2?")], temperature: 0.5, seed: 3 },
        response: {
          id: "chatcmpl-1",
          object: "chat.completion",
          created: 1700000000,
          model: "gpt-4o-mini-2024-07-18",
          choices: [
            { index: 0, message: assistant("4"), finish_reason: "stop" },
            { index: 1, message: assistant("Four, that"), finish_reason: "length" },
          ],
          usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
        },
      },
    ],
    needed: ["request", "response"],
    counts: [1, 2, 0],
  },
  {
    format: "openai-batch",
    rows: [
      {
        custom_id: "r1",
        method: "POST",
        url: "/v1/chat/completions",
        body: { model: "gpt-4o-mini", messages: [user("2 + 2?")], max_tokens: 9 },
      },
      {
        custom_id: "r2",
        method: "POST",
        url: "/v1/chat/completions",
        body: { model: "gpt-4o-mini", messages: [user("2 + 2?")], max_tokens: 9 },
      },
    ],
    needed: ["custom_id", "body"],
    counts: [1, 0, 0],
  },
  {
    format: "openai-batch-output",
    after: ["openai-batch"],
    rows: [
      {
        id: "b1",
        custom_id: "r2",
        response: {
          status_code: 200,
          request_id: "x",
          body: {
            created: 1700000000,
            model: "gpt-4o-mini-2024-07-18",
            choices: [{ index: 0, message: assistant("4"), finish_reason: "stop" }],
            usage: { prompt_tokens: 5, completion_tokens: 1 },
          },
        },
        error: null,
      },
      {
        id: "b2",
        custom_id: "r1",
        response: {
          status_code: 429,
          request_id: "y",
          body: { error: { code: "rate_limit", message: "slow down" } },
        },
        error: null,
      },
    ],
    needed: ["custom_id", "response"],
    counts: [0, 2, 0],
  },
];

export const sampleOf = (format: string): Sample => SAMPLES.find((sample) => sample.format === format)!;
