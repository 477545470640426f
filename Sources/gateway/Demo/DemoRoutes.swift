import Bytes
import FoundationEssentials
import HTTP
import HTTP1
import JSON
import WebSocket

/// What a request to the demo gets.
enum DemoAnswer {
    case response(DemoResponse)
    case webSocket(DemoChannel)
    case events(DemoEvents)
}

/// Which path is answered how.
enum DemoRoutes {
    /// - Parameter bodySize: octets of the body, which was read and forgotten.
    static func answer(_ head: RequestHead, bodySize: Int) -> DemoAnswer {
        guard let target = URLComponents(string: head.targetText) else {
            return .response(.text("The target is malformed.", status: 400))
        }
        if let channel = DemoChannel(path: target.path) {
            return head.upgradesToWebSocket ? .webSocket(channel) : .response(.upgradeRequired)
        }
        if target.path == "/echo" { return .response(.json(echo(head, target, bodySize))) }
        guard let answer = page(target, head) else { return .response(.notFound) }
        guard head.method == .get || head.method == .head else {
            return .response(.methodNotAllowed(allowed: "GET, HEAD"))
        }
        return answer
    }

    private static func page(_ target: URLComponents, _ head: RequestHead) -> DemoAnswer? {
        switch target.path {
        case "/":
            let page = DemoResponse(contentType: "text/html; charset=utf-8", body: DemoPage.octets)
            return .response(page)
        case "/healthz": return .response(.text("ok"))
        case "/api/sse/stream":
            guard let store = target.value(of: "store_id"), !store.isEmpty else {
                return .response(.text("'store_id' is missing.", status: 400))
            }
            return .events(DemoEvents(store: store, visitor: DemoVisitor(head)))
        default: return nil
        }
    }

    /// The request as it came, so that one sees what the gateway makes of it.
    private static func echo(
        _ head: RequestHead, _ target: URLComponents, _ bodySize: Int
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("method", head.method.name)
        text.appendMember("path", target.path)
        text.appendMember("query", target.percentEncodedQuery ?? "")
        text.appendMember("body_octets", bodySize)
        text.appendMember("headers", .object(headers(head.fields)))
        text.endJSONObject()
        return text
    }

    /// By lower-case name; the values of a field that came several times are joined as in a list.
    private static func headers(_ fields: Fields) -> JSONObject {
        var headers = JSONObject()
        for line in fields.lines {
            let name = fields.bytes.text(line.name).lowercased()
            let before = headers[name]?.string.map { $0 + ", " } ?? ""
            headers[name] = .string(before + fields.bytes.text(line.value))
        }
        return headers
    }
}

extension URLComponents {
    /// The first value of a parameter of the query, decoded.
    fileprivate func value(of name: String) -> String? {
        queryItems?.first { $0.name == name }?.value
    }
}
