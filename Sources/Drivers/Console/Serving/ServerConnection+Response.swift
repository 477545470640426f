import Clock
import Endings
import HTTP
import HTTP1

extension ServerConnection {
    /// Writes a whole answer to the current request, if one is owed.
    ///
    /// - Parameter requestID: nil for who is told nothing that could be looked for.
    mutating func append(
        _ response: ConsoleResponse, requestID: String?, now: WallTime, to output: inout [UInt8]
    ) {
        guard beginHead(status: response.status, to: &output) else { return }
        var fields = [("Date", HTTPDate.text(now)), ("Cache-Control", "no-store")]
        var body: [UInt8] = []
        switch response.content {
        case .none: break
        case .octets(let octets, let type):
            body = octets
            fields.append(("Content-Type", type))
        case .problem(let refusal):
            body = ProblemDocument.encode(refusal, requestID: requestID)
            fields.append(("Content-Type", ProblemDocument.contentType))
        }
        for (name, value) in fields + response.fields {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        endHead(length: body.count, to: &output)
        send(body.span, to: &output)
        end(to: &output)
    }
}
