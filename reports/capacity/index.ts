export { capacityPage } from './page.ts'
export { forecastSentence, kneeSentence, saturationSentence } from './text.ts'
export { capacityText } from './text.ts'
