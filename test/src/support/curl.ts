/** Of curl what the examples of the docs use, asking the server at PORT instead of the one at 3000. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    request: { type: 'string', short: 'X' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
    'data-binary': { type: 'string' },
    'dump-header': { type: 'string', short: 'D' },
    head: { type: 'boolean', short: 'I' },
    output: { type: 'string', short: 'o' },
  },
})
const named = values['data-binary']?.slice(1)
const body = named === undefined ? values.data : readFileSync(named === '-' ? 0 : named)
const method = values.request ?? (values.head ? 'HEAD' : body === undefined ? 'GET' : 'POST')
const url = (positionals[0] ?? '').replace('127.0.0.1:3000', `127.0.0.1:${process.env.PORT}`)
const headers = values.header.map(line => line.split(/: (.*)/).slice(0, 2) as [string, string])

// As curl has it, whatever it is.
if (values.data !== undefined && !headers.some(([name]) => /^content-type$/i.test(name))) {
  headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
}
const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
const answer = Buffer.from(await response.arrayBuffer())
if (!response.ok) console.error(`${method} ${url}: ${response.status} ${answer}`)
if (values.head || values['dump-header'] === '-') {
  for (const [name, value] of response.headers) console.log(`${name}: ${value}`)
}
if (values.output !== undefined) writeFileSync(values.output, answer)
else process.stdout.write(answer)
