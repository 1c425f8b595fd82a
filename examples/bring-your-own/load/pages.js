export const cart = '/cart'
