// The life of an instance as the harness sees it: which frame may come when, and what is answered. PROTOCOL.md, section 4.
import { bind } from "./binding.mjs";
import { CallContext } from "./context.mjs";
import { describe, Fault } from "./errors.mjs";
import { DEFAULT_MAX_FRAME, jsonFrame, ProtocolViolation, readJson, TYPE } from "./frames.mjs";
import { readInfer } from "./infer.mjs";
import { LoadFailure, loadModel } from "./model.mjs";
import { ResultTooLarge, ResultWriter } from "./result.mjs";
import { isThenable } from "./returned.mjs";
import { readSignature } from "./signature.mjs";

const PROTOCOL_VERSION = 1;
const EXIT_LOAD_FAILED = 1;
const EXIT_VIOLATION = 70;

/**
 * @typedef {import("./frames.mjs").Frame} Frame
 * @typedef {import("./model.mjs").Model} Model
 *
 * What the instance is doing. `busy` has the frame in flight; `draining` there means that DRAIN came meanwhile.
 * @typedef {{name: "greeted"} | {name: "loading"} | {name: "loaded", model: Model} | Ready | Busy} State
 * @typedef {{name: "ready", model: Model, run: import("./binding.mjs").Run}} Ready
 * @typedef {{name: "busy", ready: Ready, frame: Frame, context: CallContext, draining: boolean}} Busy
 */

export class Session {
  #transport;
  #results = new ResultWriter();
  #maxFrame = DEFAULT_MAX_FRAME;
  /** @type {State} */
  #state = { name: "greeted" };

  /** @param {import("./transport.mjs").Transport} transport */
  constructor(transport) {
    this.#transport = transport;
  }

  greet() {
    const version = process.versions.node;
    this.#send(TYPE.HELLO, { protocol: PROTOCOL_VERSION, language: "node", language_version: version, pid: process.pid, features: [] });
  }

  /** @param {Frame} frame @throws {ProtocolViolation} */
  onFrame(frame) {
    if (frame.type === TYPE.INFER) return this.#infer(frame);
    const json = readJson(frame.body);
    switch (frame.type) {
      case TYPE.INIT:
        return this.#init(json);
      case TYPE.BIND:
        return this.#bind(json);
      case TYPE.CANCEL:
        return this.#cancel(frame, json);
      case TYPE.PING:
        return this.#transport.send(jsonFrame(TYPE.PONG, {}, frame.idLow, frame.idHigh));
      case TYPE.DRAIN:
        return this.#drain();
      default:
        throw new ProtocolViolation(`a frame of type ${frame.type} does not go to a harness`);
    }
  }

  /** @param {ProtocolViolation} violation */
  onViolation(violation) {
    this.#leave({ kind: "PROTOCOL", type: null, message: violation.message, traceback: [] }, EXIT_VIOLATION);
  }

  /** @param {Record<string, unknown>} json */
  #init(json) {
    if (this.#state.name !== "greeted") throw new ProtocolViolation("a second INIT");
    const { folder, entry = null, per, content_type = null, libraries = [], max_frame = DEFAULT_MAX_FRAME } = json;
    if (typeof folder !== "string" || !Array.isArray(libraries) || typeof max_frame !== "number" || (entry !== null && typeof entry !== "string"))
      throw new ProtocolViolation("INIT lacks the folder, or has a wrong entry, libraries or max_frame");
    this.#maxFrame = max_frame;
    this.#transport.limitFrames(max_frame);
    this.#state = { name: "loading" };
    const init = {
      folder,
      entry,
      per: per === "row" ? /** @type {const} */ ("row") : /** @type {const} */ ("batch"),
      content_type: typeof content_type === "string" ? content_type : null,
      libraries,
    };
    loadModel(init).then(
      (model) => this.#loaded(model),
      (error) => this.#leave(error instanceof LoadFailure ? error.failure : describe(error, "LOAD_FAILED", folder), EXIT_LOAD_FAILED),
    );
  }

  /** @param {Model} model */
  #loaded(model) {
    this.#state = { name: "loaded", model };
    this.#send(TYPE.LOADED, { entry: model.entry, hints: model.hints, artifact: null });
  }

  /** @param {Record<string, unknown>} json */
  #bind(json) {
    if (this.#state.name !== "loaded") throw new ProtocolViolation("a BIND that does not follow LOADED");
    const { model } = this.#state;
    const signature = readSignature(json);
    try {
      const { convention, run } = bind(model, signature);
      this.#state = { name: "ready", model, run };
      this.#send(TYPE.READY, { convention });
    } catch (error) {
      this.#leave(describe(error, "LOAD_FAILED", model.folder), EXIT_LOAD_FAILED);
    }
  }

  /** @param {Frame} frame */
  #infer(frame) {
    const ready = this.#state;
    if (ready.name !== "ready") throw new ProtocolViolation(`an INFER while the instance is ${ready.name}`);
    if (frame.idLow === 0 && frame.idHigh === 0) throw new ProtocolViolation("an INFER with the id 0");
    const infer = readInfer(frame.body);
    const context = new CallContext();
    /** @type {Busy} */
    const busy = { name: "busy", ready, frame, context, draining: false };
    this.#state = busy;
    let answer;
    try {
      answer = ready.run(infer, context);
    } catch (error) {
      return this.#failed(busy, error);
    }
    if (isThenable(answer)) {
      answer.then(
        (value) => this.#answered(busy, value),
        (error) => this.#failed(busy, error),
      );
    } else this.#answered(busy, answer);
  }

  /** @param {Busy} busy @param {import("./result.mjs").Answer} answer */
  #answered(busy, answer) {
    const { idLow, idHigh } = busy.frame;
    try {
      this.#results.write(idLow, idHigh, answer, this.#maxFrame);
    } catch (error) {
      return this.#failed(busy, error instanceof ResultTooLarge ? new Fault("RESULT_TOO_LARGE", error.message) : error);
    }
    this.#state = busy.ready;
    this.#transport.send(this.#results.memory, this.#results.length);
    if (busy.draining) this.#drain();
  }

  /** @param {Busy} busy @param {unknown} error */
  #failed(busy, error) {
    if (error instanceof ProtocolViolation) throw error;
    const failure = describe(error, "MODEL_ERROR", busy.ready.model.folder);
    if (busy.context.cancelled) failure.kind = "CANCELLED";
    this.#state = busy.ready;
    const { idLow, idHigh } = busy.frame;
    this.#transport.send(jsonFrame(TYPE.ERROR, { ...failure, segment: null, row: null }, idLow, idHigh));
    if (busy.draining) this.#drain();
  }

  /** @param {Frame} frame @param {Record<string, unknown>} json */
  #cancel(frame, json) {
    if (this.#state.name !== "busy") return;
    const { frame: running, context } = this.#state;
    if (frame.idLow === running.idLow && frame.idHigh === running.idHigh) context.cancel(String(json.reason));
  }

  #drain() {
    if (this.#state.name === "busy") this.#state.draining = true;
    else this.#transport.finish(jsonFrame(TYPE.BYE, {}), 0);
  }

  /** @param {number} type @param {object} json */
  #send(type, json) {
    this.#transport.send(jsonFrame(type, json));
  }

  /** @param {import("./errors.mjs").Failure} failure @param {number} status */
  #leave(failure, status) {
    this.#transport.finish(jsonFrame(TYPE.FAILED, failure), status);
  }
}
