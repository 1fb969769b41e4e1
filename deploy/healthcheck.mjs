// Whether the Idiom in this container takes work: exit code 0 or 1. It asks the HTTP port, as a probe from outside would.
import { request as overHttp } from "node:http";
import { request as overTls } from "node:https";

const { IDIOM_HTTP_PORT, IDIOM_TLS_CERT, IDIOM_TLS_CERT_FILE } = process.env;
const request = IDIOM_TLS_CERT || IDIOM_TLS_CERT_FILE ? overTls : overHttp;

// It is asked by itself on this machine: the name in the certificate is another, and nobody is on the way.
const options = { host: "127.0.0.1", port: IDIOM_HTTP_PORT || 8000, path: "/healthz", rejectUnauthorized: false };

const refused = (error) => {
  console.log(error.message);
  process.exitCode = 1;
};

request(options, (response) => {
  response.pipe(process.stdout);
  process.exitCode = response.statusCode === 200 ? 0 : 1;
})
  .on("error", refused)
  .end();
