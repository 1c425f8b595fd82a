import { createRequire } from 'node:module'
import { join } from 'node:path'
import chromium, { inflate } from '@sparticuz/chromium'

/*
 * Unpacks the npm package's browser, its fonts and its libraries into TMPDIR. A process of its own, because
 * the package chooses the temporary folder and changes its environment.
 */
await chromium.executablePath()
const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
await inflate(join(entry, '../../bin/al2023.tar.br'))
