export { capacityPage } from './page.ts'
export { forecastSentence, kneeSentence, saturationSentence } from './sentences.ts'
export { capacityText } from './terminal.ts'
