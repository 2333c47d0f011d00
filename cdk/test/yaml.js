'use strict';

/** A template as CloudFormation reads it: short forms of functions as the long ones. The CDK's own reader does that. */
function yamlToJson(text) {
  const { mkdtempSync, writeFileSync } = require('node:fs');
  const { tmpdir } = require('node:os');
  const path = require('node:path');
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'template-')), 'template.yaml');
  writeFileSync(file, text);
  // Not exported by the library's map of names, so by its path.
  const reader = path.join(path.dirname(require.resolve('aws-cdk-lib')), 'cloudformation-include', 'lib', 'file-utils.js');
  return require(reader).readYamlSync(file);
}

module.exports = { yamlToJson };
