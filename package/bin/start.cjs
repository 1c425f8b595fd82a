'use strict'

const { enableCompileCache } = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const root = path.dirname(__dirname)
const sizeFlag = '--optimize-for-size'
const isScheduler = process.argv.some((argument) => /^--every(=|$)/.test(argument))

// A scheduler runs for months: V8 stays small only if it gets these options at its start.
if (isScheduler && process.execve && !process.execArgv.includes(sizeFlag)) {
  // Node warns that execve is experimental.
  process.emitWarning = () => undefined
  process.execve(process.execPath, [
    process.execPath,
    ...process.execArgv,
    sizeFlag,
    '--semi-space-growth-factor=1',
    ...process.argv.slice(1),
  ])
}

// Keeps compiled code between starts, next to the packages. What vigil starts does not inherit it.
const packages = path.dirname(root)
if (path.basename(packages) === 'node_modules' && !process.env.NODE_COMPILE_CACHE)
  enableCompileCache(path.join(packages, '.cache', 'vigil-gate'))

void import(pathToFileURL(path.join(root, 'cli', 'main.js')).href)
