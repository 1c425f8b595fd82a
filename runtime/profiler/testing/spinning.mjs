// A program whose use of the CPU is known: `heavy` turns three times as often as `light`.
let sum = 0
function heavy() {
  for (let turn = 0; turn < 3_000_000; turn += 1) sum += turn % 7
}

function light() {
  for (let turn = 0; turn < 1_000_000; turn += 1) sum += turn % 7
}

process.stdout.write('ready\n')
setInterval(() => {
  heavy()
  light()
}, 5)
