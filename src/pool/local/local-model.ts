/** A model of this machine: opened when first needed, once, and known by the hash of its files. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  loadGenerationModel,
  TextGenerator,
  type TextGeneratorOptions,
  type WeightBits,
} from "../../generate/index.ts";
import { openModelFiles } from "../../models/index.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { hashFile } from "../../support/hash-file.ts";
import { isFolder } from "../../support/read-file.ts";
import type { ModelIdentity } from "../upstream.ts";

export interface LocalModelOptions extends TextGeneratorOptions {
  /** Folder with config.json, tokenizer.json and safetensors, or a .gguf file. */
  readonly path: string;
  readonly weightBits?: (WeightBits | 32) | undefined;
  /** Jinja file that takes the place of the model's own template, or of the one that it lacks. */
  readonly chatTemplateFile?: string | undefined;
}

const HASH_DIGITS = 16;
/** What of a folder decides the answers. */
const DECISIVE = /\.safetensors$|^config\.json$|^generation_config\.json$|^tokenizer\.json$/;

export class LocalModel {
  readonly #options: LocalModelOptions;
  #generator: Promise<TextGenerator> | undefined;
  #identity: Promise<ModelIdentity> | undefined;

  constructor(options: LocalModelOptions) {
    this.#options = options;
  }

  /** The loaded model. @throws {TuttiError} as loadGenerationModel and TextGenerator.create */
  generator(): Promise<TextGenerator> {
    this.#generator ??= this.#open();
    return this.#generator;
  }

  /**
   * SHA-256 of the weights, with their bits where they are quantised on loading and the context length where one is given, since
   * both change answers; and of the chat template. Nothing is loaded.
   */
  identity(): Promise<ModelIdentity> {
    this.#identity ??= this.#identify();
    return this.#identity;
  }

  async close(): Promise<void> {
    const opening = this.#generator;
    this.#generator = undefined;
    // One that could not be opened has nothing to free, and said so to those who asked for it.
    const generator = await opening?.catch(() => undefined);
    await generator?.dispose();
  }

  async #open(): Promise<TextGenerator> {
    const { path, weightBits, chatTemplateFile, ...options } = this.#options;
    const model = loadGenerationModel(path, { ...(weightBits && { weightBits }) });
    const own = chatTemplateFile === undefined ? {} : { chatTemplate: readTemplate(chatTemplateFile) };
    return TextGenerator.create({ ...model, ...own }, options);
  }

  async #identify(): Promise<ModelIdentity> {
    const { path, weightBits = 32, chatTemplateFile, contextLength } = this.#options;
    const files = openModelFiles(path);
    files.close();
    const template = chatTemplateFile === undefined ? files.chatTemplate : readTemplate(chatTemplateFile);
    const parts = isFolder(path)
      ? readdirSync(path)
          .filter((name) => DECISIVE.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path];
    const all = createHash("sha256");
    for (const part of parts) {
      const digest = await hashFile(part, createHash("sha256"));
      all.update(`${isFolder(path) ? basename(part) : "gguf"} ${digest}\n`);
    }
    const bits = weightBits === 32 ? "" : `/${weightBits}bit`;
    const context = contextLength === undefined ? "" : `/context${contextLength}`;
    return {
      revision: `sha256:${all.digest("hex").slice(0, HASH_DIGITS)}${bits}${context}`,
      template:
        template === undefined
          ? "none"
          : `sha256:${createHash("sha256").update(template).digest("hex").slice(0, HASH_DIGITS)}`,
    };
  }
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not read the chat template ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "check chatTemplateFile of the model in the pool file",
    });
  }
}
