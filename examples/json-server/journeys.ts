import type { Context, Journey } from 'vigil-gate'

const pathOf = ({ id }: Context): string => `/posts/${String(id)}`

export default [
  {
    name: 'posts',
    steps: [
      { name: 'list', request: () => ({ method: 'GET', path: '/posts?_limit=10' }) },
      {
        name: 'create',
        request: ({ unique }) => ({ method: 'POST', path: '/posts', json: { title: `post ${unique}` } }),
        status: 201,
        save: ({ json }) => ({ id: (json as { id: number }).id }),
      },
      {
        name: 'read',
        request: (ctx) => ({ method: 'GET', path: pathOf(ctx) }),
        check: ({ json }, { unique }) =>
          (json as { title: string }).title === `post ${unique}`
            ? undefined
            : 'the title is not what was sent',
      },
      { name: 'change', request: (ctx) => ({ method: 'PATCH', path: pathOf(ctx), json: { read: true } }) },
      { name: 'delete', request: (ctx) => ({ method: 'DELETE', path: pathOf(ctx) }) },
      { name: 'is-gone', request: (ctx) => ({ method: 'GET', path: pathOf(ctx) }), status: 404 },
    ],
  },
] satisfies Journey[]
