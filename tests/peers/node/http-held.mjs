// Asks for URL with Node's client, and tells of each part of the answer when it comes.
import http from 'node:http'

const request = http.get(process.argv[2], { headers: { 'X-From': 'node' } })
request.on('response', response => {
  console.log(`head ${response.statusCode} ${response.statusMessage} ${response.headers['x-by']}`)
  response.on('data', chunk => console.log(`chunk ${chunk}`))
  response.on('end', () => {
    console.log(`end complete=${response.complete} ${JSON.stringify(response.trailers)}`)
  })
})
request.on('error', error => console.log(`error ${error.code}`))
