import http from 'k6/http'
import { check, group } from 'k6'
import { Counter, Trend } from 'k6/metrics'
import { cart } from './pages.js'

const people = JSON.parse(open('../people.json'))
const checkoutTime = new Trend('checkout_time', true)
const orders = new Counter('orders')

export const options = {
  scenarios: {
    checkout: {
      executor: 'constant-arrival-rate',
      rate: 30,
      duration: '8s',
      preAllocatedVUs: 10,
    },
  },
  thresholds: { checks: ['rate>0.95'], checkout_time: ['p(95)<250'] },
}

export function setup() {
  const { headers } = http.post(`${__ENV.BASE_URL}/login`, people[0])
  console.log(`logged in, paying in ${__ENV.CURRENCY}`)
  return { isKnown: headers['Set-Cookie'] !== undefined }
}

export default function () {
  http.cookieJar().set(__ENV.BASE_URL, 'session', people[__VU % people.length].user)
  http.cookieJar().set(__ENV.BASE_URL, 'theme', 'dark')
  group('checkout', () => {
    const answer = http.get(__ENV.BASE_URL + cart)
    check(answer, { 'is paid': ({ status }) => status === 200 })
    checkoutTime.add(answer.timings.duration)
    orders.add(1)
  })
}

export function handleSummary({ metrics }) {
  return { 'checkout-summary.json': JSON.stringify(metrics.orders) }
}
