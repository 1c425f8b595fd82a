import { cookieHeader, saveCookies } from 'vigil-gate/journeys'
import type { Journey } from 'vigil-gate'
import { avatar } from './avatar.ts'
import people from './people.json' with { type: 'json' }

export default [
  {
    name: 'visit',
    steps: [
      {
        name: 'login',
        request: ({ user }) => ({ method: 'POST', path: '/login', form: people[user % people.length] ?? {} }),
        save: (response, ctx) => ({ cookies: saveCookies(response, ctx['cookies']) }),
      },
      {
        name: 'upload',
        request: ({ cookies }) => ({
          method: 'POST',
          path: '/avatar',
          headers: { ...cookieHeader(cookies) },
          multipart: { title: 'me', picture: { filename: 'me.gif', type: 'image/gif', base64: avatar } },
        }),
        check: ({ json }) =>
          (json as { received: number }).received > 300 ? undefined : 'the picture did not arrive',
      },
      {
        name: 'cart',
        request: ({ cookies }) => ({ method: 'GET', path: '/cart', headers: { ...cookieHeader(cookies) } }),
      },
    ],
  },
] satisfies Journey[]
