import { createServer } from 'node:http'

// A service for the bench, in a process of its own. `/`: as fast as node:http answers. `/timed`: service
// times from a log-normal distribution (median 8 ms), whose real values, as this process saw them, `/seen`
// reports; `/reset` forgets them.
let seen: number[] = []
let seed = 1

createServer((request, response) => {
  const began = performance.now()
  if (request.url === '/seen') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(seen))
  } else if (request.url === '/reset') {
    seen = []
    response.end('ok')
  } else if (request.url === '/timed') {
    response.on('finish', () => seen.push(performance.now() - began))
    setTimeout(() => response.end('ok'), serviceTime())
  } else {
    response.end('ok')
  }
}).listen(Number(process.env['PORT']), '127.0.0.1')

function serviceTime(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return 8 * Math.exp(0.5 * normal)
}

// Park and Miller's minimal standard generator: the same times in every run.
function random(): number {
  seed = (seed * 48_271) % 2_147_483_647
  return seed / 2_147_483_647
}
