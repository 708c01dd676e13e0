// Asks for URL with Node's client, over HTTP/2 if a second word is there, and tells of each head that comes.
import http from 'node:http'
import http2 from 'node:http2'

const url = new URL(process.argv[2])

if (process.argv[3]) {
  const session = http2.connect(url.origin)
  const stream = session.request({ ':path': url.pathname })
  stream.on('headers', headers => console.log(`early ${headers[':status']} ${headers.link}`))
  stream.on('response', headers => console.log(`head ${headers[':status']} ${headers.link}`))
  stream.resume()
  stream.on('end', () => session.close())
  stream.on('error', error => console.log(`error ${error.code}`))
} else {
  const request = http.get(url)
  request.on('information', early => console.log(`early ${early.statusCode} ${early.headers.link}`))
  request.on('response', response => {
    console.log(`head ${response.statusCode} ${response.headers.link}`)
    response.resume()
  })
  request.on('error', error => console.log(`error ${error.code}`))
}
