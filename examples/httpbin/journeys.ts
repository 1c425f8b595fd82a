import type { Journey } from 'vigil-gate'

export default [
  {
    name: 'orders',
    steps: [
      { name: 'read', request: () => ({ method: 'GET', path: '/get?page=2' }) },
      {
        name: 'form',
        request: ({ unique }) => ({
          method: 'POST',
          path: '/post',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: `name=${encodeURIComponent(unique)}&size=large`,
        }),
        check: ({ json }, { unique }) =>
          (json as { form: { name: string } }).form.name === unique ? undefined : 'the form did not arrive',
      },
      { name: 'teapot', request: () => ({ method: 'GET', path: '/status/418' }), status: 418 },
    ],
  },
] satisfies Journey[]
