import Bytes
import HTTP
import HTTP1

/// A whole answer of the demo.
struct DemoResponse {
    var status = 200
    var contentType = "text/plain; charset=utf-8"
    var fields: [(name: String, value: String)] = []
    var body: [UInt8]

    static func text(_ text: String, status: Int = 200) -> DemoResponse {
        DemoResponse(status: status, body: Array((text + "\n").utf8))
    }

    static func json(_ octets: [UInt8]) -> DemoResponse {
        DemoResponse(contentType: "application/json", body: octets)
    }

    static let notFound = DemoResponse.text("Nothing is here.", status: 404)

    static func methodNotAllowed(allowed: String) -> DemoResponse {
        var response = DemoResponse.text("This is not done here.", status: 405)
        response.fields = [("Allow", allowed)]
        return response
    }

    /// A plain request to a path that only speaks WebSocket (RFC 9110 §15.5.22).
    static var upgradeRequired: DemoResponse {
        var response = DemoResponse.text("This is a WebSocket.", status: 426)
        response.fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), version]
        return response
    }

    static func malformed(_ error: HeadError) -> DemoResponse {
        var response = DemoResponse.text(error.message, status: error.status)
        if error == .unsupportedWebSocketVersion { response.fields = [version] }
        return response
    }

    private static let version = (name: "Sec-WebSocket-Version", value: "13")

    /// - Parameters:
    ///   - hasBody: false for the answer to HEAD.
    ///   - closes: no further request is read from this connection.
    func encoded(hasBody: Bool = true, closes: Bool) -> [UInt8] {
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: status, to: &output)
        HeadEncoder.appendField(name: "Content-Type", value: contentType, to: &output)
        HeadEncoder.appendField(name: "Content-Length", value: "\(body.count)", to: &output)
        HeadEncoder.appendField(name: "Cache-Control", value: "no-store", to: &output)
        for (name, value) in fields {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        if closes { HeadEncoder.appendField(name: "Connection", value: "close", to: &output) }
        HeadEncoder.appendEnd(to: &output)
        if hasBody { output += body }
        return output
    }
}
