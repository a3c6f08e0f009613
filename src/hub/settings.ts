/** Where the hub and its cache are, by the environment variables that Hugging Face's own libraries read. */
import { homedir } from "node:os";
import { join } from "node:path";
import { TuttiError } from "../support/errors.ts";

export interface HubSettings {
  /** Base address of the hub or a mirror, without a slash at the end. */
  readonly endpoint: string;
  /** Sent to the endpoint and to no other host. Never written anywhere. */
  readonly token: string | undefined;
  /** Folder of models--ORG--NAME folders, in the layout of Python's huggingface_hub. */
  readonly cacheFolder: string;
  /** Whether the network must not be used. */
  readonly isOffline: boolean;
  /** Further tries of a request that failed for a passing reason. */
  readonly retries: number;
  /** Wait before the first further try; doubles with every one. */
  readonly firstRetrySeconds: number;
  /** A connection without a byte for so long has failed. */
  readonly stallSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const isOn = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? "");

/**
 * HF_ENDPOINT, HF_TOKEN (or HUGGING_FACE_HUB_TOKEN), HF_HUB_CACHE (or HF_HOME/hub, or XDG_CACHE_HOME/huggingface/hub),
 * HF_HUB_OFFLINE.
 *
 * @throws {TuttiError} CONFIG_INVALID when HF_ENDPOINT is no http address
 */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const { HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } =
    environment;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return {
    endpoint: checkedEndpoint(HF_ENDPOINT || "https://huggingface.co"),
    token: HF_TOKEN?.trim() || HUGGING_FACE_HUB_TOKEN?.trim() || undefined,
    cacheFolder: HF_HUB_CACHE || join(home, "hub"),
    isOffline: isOn(environment.HF_HUB_OFFLINE),
    retries: 5,
    firstRetrySeconds: 0.5,
    stallSeconds: 30,
  };
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.username !== "" || url.search !== "") {
    throw new TuttiError(
      "CONFIG_INVALID",
      "HF_ENDPOINT must be an http or https address without user name or query",
      {
        hint: "for example https://huggingface.co",
      },
    );
  }
  return endpoint.replace(/\/+$/, "");
}
