// Lambda's managed Node runtime in short: asks the Runtime API for events and hands them to the handler, as aws-lambda-ric
// does, with less around it. The real one needs a C++ toolchain to install.
'use strict';
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');

// The CDK's handler sends its answer to the host of the response URL without the port, so to the default port: here that of
// the local bucket.
if (process.env.BENCH_HTTPS_PORT) https.globalAgent.defaultPort = Number(process.env.BENCH_HTTPS_PORT);

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, what, body) {
  return new Promise((resolve, reject) => {
    const options = { hostname, port, agent, method, path: `/2018-06-01/runtime/${what}` };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function main() {
  const [file, name] = process.env._HANDLER.split('.');
  const handler = require(path.resolve(process.env.LAMBDA_TASK_ROOT, file))[name];
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    const id = headers['lambda-runtime-aws-request-id'];
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() };
    try {
      const result = await handler(JSON.parse(body), context);
      await call('POST', `invocation/${id}/response`, JSON.stringify(result ?? null));
    } catch (error) {
      const said = { errorType: error.name, errorMessage: String(error.stack) };
      await call('POST', `invocation/${id}/error`, JSON.stringify(said));
    }
  }
}

main();
