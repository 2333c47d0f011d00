'use strict';

// A user of the package, by the page alone: installs the packed file, writes each example of the page, and runs the commands
// of the page. What is synthesized lies in build/assembly-<number> afterwards, where the local AWS takes it from.
//
//     node test/consumer.js custom-delegation-cdk-0.1.0.tgz

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const home = path.join(__dirname, '..');
const tarball = path.resolve(process.argv[2]);
const page = fs.readFileSync(path.join(home, 'README.md'), 'utf8');
const build = path.join(home, 'build');
// Outside of this project, whose settings would be found there.
const consumer = fs.mkdtempSync(path.join(os.tmpdir(), 'consumer-'));
// Nothing of the CDK's command may ask a server.
const environment = {
  ...process.env,
  CI: 'true',
  CDK_DISABLE_CLI_TELEMETRY: 'true',
  JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: 'true',
  JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION: 'true',
};

function run(command, args, cwd = consumer) {
  console.log(`$ ${command} ${args.join(' ')}`);
  const { status, stdout } = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(status, 0, stdout);
}

function blocks(language) {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block]) => block);
}

/** The lines of the page that begin so. */
function command(start) {
  const lines = blocks('sh').join('').split('\n').filter((line) => line.startsWith(start));
  assert.equal(lines.length, 1, `the page has one line that begins with "${start}"`);
  // Quoted arguments are one each.
  return lines[0].match(/"[^"]*"|\S+/g).map((word) => word.replace(/^"|"$/g, ''));
}

fs.rmSync(build, { recursive: true, force: true });
fs.mkdirSync(build);
fs.cpSync(path.join(__dirname, 'consumer'), consumer, { recursive: true });
run('npm', ['ci', '--prefer-offline']);
const [npm, ...install] = command('npm install aws-cdk-lib');
assert.deepEqual(install.slice(1), ['aws-cdk-lib', 'constructs', `./${path.basename(tarball)}`], 'the page installs the package that was packed');
run(npm, ['install', '--no-save', '--prefer-offline', tarball]);
const [npmDev, ...dev] = command('npm install --save-dev');
assert.equal(npmDev, 'npm');
const pinned = Object.keys(require('./consumer/package.json').devDependencies);
assert.ok(dev.slice(2).every((name) => pinned.includes(name)), `${dev} is pinned in test/consumer`);

const examples = blocks('ts').filter((block) => block.includes('new cdk.App()'));
assert.equal(examples.length, 3);
for (const [index, example] of examples.entries()) {
  fs.writeFileSync(path.join(consumer, 'app.ts'), example);
  const [compiler, ...compile] = command('npx tsc');
  run(compiler, compile);
  const [cdk, ...synth] = command('npx cdk synth');
  run(cdk, [...synth, '--no-notices', '--no-version-reporting']);
  const [, ...lint] = command('cfn-lint');
  const templates = fs.readdirSync(path.join(consumer, 'cdk.out')).filter((name) => name.endsWith('.template.json'));
  assert.ok(templates.some((name) => !name.includes('.nested.')));
  const expanded = lint.flatMap((word) => (word === 'cdk.out/*.template.json' ? templates.map((name) => `cdk.out/${name}`) : [word]));
  if (process.env.CFN_LINT) {
    run(process.env.CFN_LINT, expanded);
    lintSeesAMistake(templates, expanded);
  } else {
    console.log('skipped: CFN_LINT is not set, so what was synthesized is not checked');
  }
  fs.cpSync(path.join(consumer, 'cdk.out'), path.join(build, `assembly-${index + 1}`), { recursive: true });
  fs.rmSync(path.join(consumer, 'cdk.out'), { recursive: true });
}
fs.rmSync(consumer, { recursive: true });

/** The same check of a template with a property that does not exist. */
function lintSeesAMistake(templates, args) {
  const name = templates.find((one) => fs.readFileSync(path.join(consumer, 'cdk.out', one), 'utf8').includes('"Type": "Custom::Delegation"'));
  const file = path.join(consumer, 'cdk.out', name);
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.replace('"ServiceTimeout":', '"Tll": 300, "ServiceTimeout":'));
  const { stdout } = spawnSync(process.env.CFN_LINT, args, { cwd: consumer, encoding: 'utf8' });
  assert.match(stdout, /E9001/);
  fs.writeFileSync(file, text);
}

console.log('the package installs, and the examples of the page compile, synthesize and are linted');
