// What stores say, as they are known to say it, and what becomes of it. Real requests to a real store: test/integration/jobs-s3.test.ts.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { S3Client } from "../../../../src/data/s3/client.ts";
import { bytesOfObject, tagOf } from "../../../../src/data/s3/object.ts";
import { S3Upload } from "../../../../src/data/s3/upload.ts";
import { idiomError } from "../../../support/idiom-error.ts";

const OBJECT = { bucket: "bucket", key: "a.csv" };
const PATIENCE_MS = 400;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A store that answers in order, the last one for ever; and what it was asked. */
async function storeThat(t: TestContext, ...answers: Answer[]): Promise<{ readonly client: S3Client; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    await buffer(request);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { endpoint, region: "us-east-1", accessKeyId: "KEY", secretAccessKey: "SECRET", sessionToken: null, pathStyle: true };
  return { client: new S3Client(settings, PATIENCE_MS), asked };
}

const says =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ""): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

const refuses = (status: number, code: string, more = "", headers: Readonly<Record<string, string>> = {}): Answer =>
  says(status, headers, `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>It &quot;said&quot; so.</Message>${more}</Error>`);

const whole = (body: string): Answer => says(200, { etag: '"1"', "content-length": String(body.length) }, body);

async function read(client: S3Client): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of bytesOfObject(client, OBJECT, '"1"')) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("a bucket of another region is named with its region", async (t) => {
  const words = idiomError("STORAGE_REFUSED", "the bucket 'bucket' is in the region 'eu-west-1', and Idiom asks in 'us-east-1'; set IDIOM_S3_REGION");
  for (const answer of [
    says(301, { "x-amz-bucket-region": "eu-west-1" }),
    refuses(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
    refuses(301, "PermanentRedirect", "", { "x-amz-bucket-region": "eu-west-1" }),
  ])
    await assert.rejects(tagOf((await storeThat(t, answer)).client, OBJECT), words);
});

test("a clock that is wrong is told by how much", async (t) => {
  const { client } = await storeThat(t, refuses(403, "RequestTimeTooSkewed", "", { date: new Date(Date.now() - 3_600_000).toUTCString() }));
  await assert.rejects(tagOf(client, OBJECT), idiomError("STORAGE_REFUSED", /because its clock is wrong by 360[0-9] s; set it/));
});

test("what is refused for another reason is told in the store's words", async (t) => {
  const { client } = await storeThat(t, refuses(400, "KeyTooLongError"));
  await assert.rejects(
    tagOf(client, OBJECT),
    idiomError("STORAGE_REFUSED", /refuses s3:GetObject of s3:\/\/bucket\/a\.csv: 400 KeyTooLongError It "said" so\.$/),
  );
});

test("what may pass is asked again, as long as the patience lasts", async (t) => {
  const { client, asked } = await storeThat(t, refuses(503, "SlowDown"), says(500), whole("x"));
  assert.equal(await tagOf(client, OBJECT), '"1"');
  assert.equal(asked.length, 3);
  const { client: never } = await storeThat(t, refuses(503, "SlowDown"));
  await assert.rejects(tagOf(never, OBJECT), idiomError("STORAGE_UNAVAILABLE", /does not answer s3:GetObject of .* now: 503 SlowDown/));
});

test("a body that breaks off is gone on with from where it was, and only with the same content", async (t) => {
  const half: Answer = (_request, response) => {
    response.writeHead(200, { etag: '"1"', "content-length": "10" });
    response.write("01234", () => response.destroy());
  };
  const rest: Answer = ({ headers }, response) => {
    assert.deepEqual([headers.range, headers["if-match"]], ["bytes=5-", '"1"']);
    response.writeHead(206, { etag: '"1"', "content-length": "5" }).end("56789");
  };
  assert.equal(await read((await storeThat(t, half, rest)).client), "0123456789");
  await assert.rejects(read((await storeThat(t, half, refuses(412, "PreconditionFailed"))).client), idiomError("DATASET_INVALID", /has changed/));
  await assert.rejects(
    read((await storeThat(t, half, whole("another"))).client),
    idiomError("STORAGE_REFUSED", /no S3 store: it answers 200 to a request from byte 5/),
  );
});

test("what says no tag is no store", async (t) => {
  await assert.rejects(tagOf((await storeThat(t, says(200, {}, "hello"))).client, OBJECT), idiomError("STORAGE_REFUSED", /no S3 store: it says no ETag/));
});

const BEGUN = says(200, {}, "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>");
const TAGGED = says(200, { etag: '"p"' });

async function upload(client: S3Client): Promise<void> {
  const writer = new S3Upload(client, OBJECT, 0, (id) => assert.equal(id, "u&1"));
  await writer.write(Buffer.alloc(8 * 2 ** 20 + 1));
  await writer.publish();
}

test("an upload that the store fails to put together, with status 200, is no success", async (t) => {
  const { client } = await storeThat(t, BEGUN, TAGGED, TAGGED, refuses(200, "InvalidPart"));
  await assert.rejects(upload(client), idiomError("STORAGE_REFUSED", /InvalidPart/));
});

test("an upload whose last answer was lost is a success when its object is there, and none when another is", async (t) => {
  let nonce = "";
  const begun: Answer = (request, response) => {
    nonce = String(request.headers["x-amz-meta-idiom-upload"]);
    BEGUN(request, response);
  };
  const lost: Answer = (_request, response) => void response.destroy();
  const ours: Answer = (_request, response) => void response.writeHead(200, { "x-amz-meta-idiom-upload": nonce }).end();
  const { client, asked } = await storeThat(t, begun, TAGGED, TAGGED, lost, refuses(404, "NoSuchUpload"), ours);
  await upload(client);
  assert.match(asked.at(-1) ?? "", /^HEAD /);
  const { client: other } = await storeThat(t, BEGUN, TAGGED, TAGGED, lost, refuses(404, "NoSuchUpload"), whole(""));
  await assert.rejects(upload(other), idiomError("STORAGE_REFUSED", /NoSuchUpload/));
});
