import type { Journey } from 'vigil-gate'

export default [
  {
    name: 'visit',
    steps: [
      {
        name: 'uuid',
        request: () => ({ method: 'GET', path: '/uuid' }),
        save: ({ json }) => ({ uuid: (json as { uuid: string }).uuid }),
      },
      {
        name: 'echo',
        request: ({ uuid }) => ({ method: 'POST', path: '/anything/orders', json: { uuid } }),
        check: ({ json }, { uuid }) =>
          (json as { json: { uuid: unknown } }).json.uuid === uuid ? undefined : 'the body did not come back',
      },
      {
        name: 'cookie',
        request: ({ uuid }) => ({
          method: 'GET',
          path: '/cookies',
          headers: { cookie: `visit=${String(uuid)}` },
        }),
        check: ({ text }, { uuid }) =>
          text.includes(String(uuid)) ? undefined : 'the cookie did not arrive',
      },
      // An error that is expected is no error.
      { name: 'missing', request: () => ({ method: 'GET', path: '/status/404' }), status: 404 },
    ],
  },
] satisfies Journey[]
