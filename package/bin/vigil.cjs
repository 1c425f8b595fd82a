#!/usr/bin/env node
// Plain CommonJS that every Node can parse: an old Node must say what is needed, not print a syntax error.
'use strict'

var needed = 24
var found = process.version + ' (' + process.execPath + ')'
var advice = 'install it from nodejs.org, or run "npm install -D node@' + needed + '" in this project'

if (Number(process.versions.node.split('.')[0]) >= needed) require('./start.cjs')
else {
  process.stderr.write('vigil: needs Node ' + needed + ' or newer, found ' + found + ': ' + advice + '\n')
  process.exitCode = 4
}
