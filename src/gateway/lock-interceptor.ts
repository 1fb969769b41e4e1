// Asks every gRPC call for its API key before anything else sees it. A server without a lock has no interceptor at all.
import { type Metadata, ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";
import { type ApiKey, ROLES } from "../config/api-key-file.ts";
import { IdiomError } from "../core/errors.ts";
import type { JobCaller } from "../core/job.ts";
import type { Lock } from "./door.ts";
import type { Caller } from "./key-ring.ts";
import { toServiceError } from "./status.ts";

type Role = ApiKey["role"];

/** Probes of orchestrators and load balancers carry no key. */
const OPEN_SERVICE = "grpc.health.v1.Health";

/** The least that a service asks for; one that is not named here is for administrators. */
const ROLE_OF: Readonly<Record<string, Role | undefined>> = {
  "inference.GRPCInferenceService": "infer",
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
    return service === OPEN_SERVICE ? new ServerInterceptingCall(call) : locked(lock, service, call);
  };
}

function locked(lock: Lock, service: string, call: ServerInterceptingCallInterface): ServerInterceptingCall {
  const role = ROLE_OF[service] ?? "admin";
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
          try {
            caller = lock.identify(metadata.get("authorization")[0]?.toString());
          } catch (error) {
            return lock.failures.add(addressOf(call), (error as Error).message, () => refuse(error));
          }
          try {
            if (ROLES.indexOf(caller.key.role) < ROLES.indexOf(role)) throw lacksRole(caller.key, role);
            leave = caller.enter(refuse);
          } catch (error) {
            return refuse(error);
          }
          metadata.set(KEY_HEADER, caller.key.id);
          metadata.set(ROLE_HEADER, caller.key.role);
          proceed(metadata);
        },
        onReceiveMessage(message, proceed) {
          const model = modelOf(message as NamesModel);
          if (caller === null || model === null || caller.mayCall(model)) return proceed(message);
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
}

function modelOf({ model_name, model, name }: NamesModel): string | null {
  return model_name ?? model ?? name ?? null;
}

interface ListsModels {
  readonly models?: readonly { readonly name: string }[];
}

/** A list of models, without those that the key is not for. */
function shownTo(caller: Caller, message: ListsModels): ListsModels {
  return message.models === undefined ? message : { ...message, models: message.models.filter(({ name }) => caller.mayCall(name)) };
}

function lacksRole({ name, role }: ApiKey, wanted: Role): IdiomError {
  return new IdiomError("PERMISSION_DENIED", `API key '${name}' has the role '${role}'; this needs '${wanted}'`);
}

/** Without the port, which is another for each connection. */
function addressOf(call: ServerInterceptingCallInterface): string {
  return call.getConnectionInfo().remoteAddress ?? "unknown";
}
