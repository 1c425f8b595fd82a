export { Passwords } from './passwords.ts'
export { createSessionCheck, loadSigningSecret, AccessTokens, TokenError } from './tokens.ts'
export { authRoutes } from './routes.ts'
export { AuthService } from './service.ts'
