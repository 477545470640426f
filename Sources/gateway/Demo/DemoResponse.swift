import Bytes
import HTTP
import HTTP1
import WebSocket

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
        var response = DemoResponse.text("This path is for WebSockets only.", status: 426)
        response.fields = [("Upgrade", "websocket"), version]
        return response
    }

    static func malformed(_ error: RequestError) -> DemoResponse {
        .text(error.message, status: error.status)
    }

    static func refused(_ error: HandshakeError) -> DemoResponse {
        var response = DemoResponse.text(error.message, status: error.status)
        if error == .unsupportedVersion {
            response.fields = [("Upgrade", "websocket"), version]
        }
        return response
    }

    private static let version = (name: "Sec-WebSocket-Version", value: "13")
}

extension ServerConnection {
    /// Writes a whole answer to the current request, if one is owed.
    mutating func append(_ response: DemoResponse, to output: inout [UInt8]) {
        guard beginHead(status: response.status, to: &output) else { return }
        HeadEncoder.appendField(name: "Content-Type", value: response.contentType, to: &output)
        HeadEncoder.appendField(name: "Cache-Control", value: "no-store", to: &output)
        for (name, value) in response.fields {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        let namesUpgrade = response.fields.contains { $0.name == "Upgrade" }
        endHead(length: response.body.count, namesUpgrade: namesUpgrade, to: &output)
        send(response.body.span, to: &output)
        end(to: &output)
    }
}
