// Asks every gRPC call for its API key before anything else sees it. A server without a lock has no interceptor at all.
import { type Metadata, ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";
import { type ApiKey, ROLES } from "../config/api-key-file.ts";
import { IdiomError } from "../core/errors.ts";
import type { JobCaller } from "../core/job.ts";
import type { Lock } from "./door.ts";
import type { Caller } from "./key-ring.ts";
import { toServiceError } from "./status.ts";

type Role = ApiKey["role"];

/** Probes of orchestrators and load balancers carry no key: whether the server serves is told to everybody, of a model to who may call it. */
const PROBES: readonly string[] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];

/** The least that a service asks for; one that is not named here is for administrators. */
const ROLE_OF: Readonly<Record<string, Role | undefined>> = {
  "inference.GRPCInferenceService": "infer",
  "grpc.health.v1.Health": "infer",
  "grpc.reflection.v1.ServerReflection": "infer",
  "grpc.reflection.v1alpha.ServerReflection": "infer",
  "idiom.v1.JobsService": "submit",
};

/** Written over what a caller may have sent. */
const KEY_HEADER = "idiom-key";
const ROLE_HEADER = "idiom-role";

/** Whose jobs a call may see; only of a server with a lock. */
export function callerOf(metadata: Metadata): JobCaller {
  return { id: String(metadata.get(KEY_HEADER)[0] ?? ""), seesAll: metadata.get(ROLE_HEADER)[0] === ("admin" satisfies Role) };
}

export function lockInterceptor(lock: Lock): ServerInterceptor {
  return (method, call) => {
    const [, service = ""] = method.path.split("/");
    return locked(lock, ROLE_OF[service] ?? "admin", PROBES.includes(method.path), call);
  };
}

/** `isProbe`: it needs no key as long as it names no model, and takes nothing of a key's limits: a channel that checks the health of its server does so all the time. */
function locked(lock: Lock, role: Role, isProbe: boolean, call: ServerInterceptingCallInterface): ServerInterceptingCall {
  let caller: Caller | null = null;
  let leave = (): void => {};
  let refused = false;
  const refuse = (error: unknown): void => {
    leave();
    refused = true;
    call.sendStatus(toServiceError(error));
  };
  return new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, proceed) {
          const key = metadata.get("authorization")[0]?.toString();
          if (isProbe && key === undefined) return proceed(metadata);
          try {
            caller = lock.identify(key);
          } catch (error) {
            return lock.failures.add(addressOf(call), (error as Error).message, () => refuse(error));
          }
          try {
            if (ROLES.indexOf(caller.key.role) < ROLES.indexOf(role)) throw lacksRole(caller.key, role);
            leave = isProbe ? caller.attend(refuse) : caller.enter(refuse);
          } catch (error) {
            return refuse(error);
          }
          metadata.set(KEY_HEADER, caller.key.id);
          metadata.set(ROLE_HEADER, caller.key.role);
          proceed(metadata);
        },
        onReceiveMessage(message, proceed) {
          const model = modelOf(message as NamesModel);
          if (model === null || caller?.mayCall(model)) return proceed(message);
          if (caller === null) return refuse(new IdiomError("UNAUTHENTICATED", "without an API key health is told of the whole server alone, not of a model"));
          refuse(new IdiomError("PERMISSION_DENIED", `API key '${caller.key.name}' is not for model '${model}'`));
        },
        onCancel: () => leave(),
      });
    },
    // Of a call that was refused on its way the handler hears as of one that was cancelled; what it says meanwhile is dropped.
    sendMessage(message, proceed) {
      if (!refused) proceed(caller === null || caller.key.models === null ? message : shownTo(caller, message as ListsModels));
    },
    sendStatus(status, proceed) {
      leave();
      if (!refused) proceed(status);
    },
  });
}

/** How the messages of the services name the model that they are about. */
interface NamesModel {
  readonly model_name?: string;
  readonly model?: string;
  readonly name?: string;
  /** Of the health service; empty: the whole server. */
  readonly service?: string;
}

function modelOf({ model_name, model, name, service }: NamesModel): string | null {
  return model_name ?? model ?? name ?? (service || null);
}

interface ListsModels {
  readonly models?: readonly { readonly name: string }[];
  /** Of the health service, by model. */
  readonly statuses?: Readonly<Record<string, object>>;
}

/** A list of models, without those that the key is not for. */
function shownTo(caller: Caller, message: ListsModels): ListsModels {
  const { models, statuses } = message;
  if (models !== undefined) return { ...message, models: models.filter(({ name }) => caller.mayCall(name)) };
  if (statuses === undefined) return message;
  return { ...message, statuses: Object.fromEntries(Object.entries(statuses).filter(([name]) => name === "" || caller.mayCall(name))) };
}

function lacksRole({ name, role }: ApiKey, wanted: Role): IdiomError {
  return new IdiomError("PERMISSION_DENIED", `API key '${name}' has the role '${role}'; this needs '${wanted}'`);
}

/** Without the port, which is another for each connection. */
function addressOf(call: ServerInterceptingCallInterface): string {
  return call.getConnectionInfo().remoteAddress ?? "unknown";
}
