// Whether the Idiom in this container takes work: exit code 0 or 1. It asks the HTTP port, as a probe from outside would.
const response = await fetch(`http://127.0.0.1:${process.env.IDIOM_HTTP_PORT || 8000}/healthz`);
console.log(await response.text());
process.exitCode = response.ok ? 0 : 1;
