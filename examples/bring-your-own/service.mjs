import { createServer } from 'node:http'

/* A shop that knows its visitors by two cookies, and counts what is uploaded. */
createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url } = request
    const isVisitor = /session=\w+; theme=\w+/.test(request.headers.cookie ?? '')
    if (method === 'POST' && url === '/login') {
      const user = new URLSearchParams(String(Buffer.concat(chunks))).get('user')
      response.setHeader('set-cookie', [`session=${user}; HttpOnly`, 'theme=dark'])
      return response.end()
    }
    if (url === '/') return response.setHeader('content-type', 'text/html').end('<h1>The shop</h1>')
    if (!isVisitor) return response.writeHead(401).end()
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify({ items: 3, received: Buffer.concat(chunks).length }))
  })
}).listen(Number(process.argv[2]), '127.0.0.1')
