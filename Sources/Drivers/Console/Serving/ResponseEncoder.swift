import Clock
import Endings
import HTTP
import HTTP1

/// Writes answers (RFC 9112 §4).
enum ResponseEncoder {
    struct Circumstances: Sendable {
        /// Of the request; nil when there was none that could be read.
        var requestID: String?
        /// The answer to `HEAD` says how long the body would be.
        var hasBody = true
        /// The connection ends with it.
        var isLast: Bool
        /// Of the request.
        var minorVersion: UInt8 = 1
        var now: WallTime
    }

    static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    static func encode(_ response: ConsoleResponse, _ circumstances: Circumstances) -> [UInt8] {
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: response.status, to: &output)
        var fields = [
            ("Date", HTTPDate.text(circumstances.now)), ("Cache-Control", "no-store"),
        ]
        var body: [UInt8] = []
        switch response.content {
        case .none: break
        case .octets(let octets, let type):
            body = octets
            fields.append(("Content-Type", type))
        case .problem(let refusal):
            body = ProblemDocument.encode(refusal, requestID: circumstances.requestID)
            fields.append(("Content-Type", ProblemDocument.contentType))
        }
        // RFC 9110 §8.6: not with 204.
        if response.status != 204 { fields.append(("Content-Length", String(body.count))) }
        if circumstances.isLast {
            fields.append(("Connection", "close"))
        } else if circumstances.minorVersion == 0 {
            fields.append(("Connection", "keep-alive"))
        }
        for (name, value) in fields + response.fields {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
        if circumstances.hasBody, response.status != 204 { output += body }
        return output
    }
}
