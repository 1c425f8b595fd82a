export { Passwords } from './passwords.ts'
export { recallRevoked, signingSecret, AccessTokens, TokenError } from './tokens.ts'
export { authEndpoints } from './routes.ts'
export { AuthService } from './service.ts'
