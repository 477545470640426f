import Clock
import JSON
import Transport
import WebSocket

/// What a WebSocket of the demo is for, by its path.
enum DemoChannel: Equatable {
    /// `/ws/echo`: every message comes back.
    case echo
    /// `/ws/queue/<id>`: a waiting room; updates come by themselves.
    case queue(id: String)
    /// `/ws/journey`
    case journey
    /// `/ws/admin`
    case admin

    /// Nil for a path without a socket.
    init?(path: String) {
        let segments = path.split(separator: "/").map(String.init)
        switch segments.dropFirst() {
        case _ where segments.first != "ws": return nil
        case ["echo"]: self = .echo
        case ["journey"]: self = .journey
        case ["admin"]: self = .admin
        case let rest where rest.count == 2 && rest.first == "queue":
            self = .queue(id: segments[2])
        default: return nil
        }
    }

    private var name: String {
        switch self {
        case .echo: "echo"
        case .queue: "queue"
        case .journey: "journey"
        case .admin: "admin"
        }
    }

    /// The first message, with who the gateway says has come; nil where everything is an echo.
    func greeting(_ visitor: DemoVisitor) -> [UInt8]? {
        if self == .echo { return nil }
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", "connected")
        text.appendMember("channel", name)
        if case .queue(let id) = self { text.appendMember("queue_id", id) }
        visitor.appendMembers(to: &text)
        text.endJSONObject()
        return text
    }

    /// The answer to a message.
    func reply(to kind: MessageKind, _ payload: Span<UInt8>, queue: DemoQueue) -> [UInt8] {
        guard kind == .text, let object = (try? JSONValue.decode(payload))?.object else {
            return Self.failure("Not a JSON object")
        }
        guard let type = object["type"]?.string else {
            return Self.failure("Missing message type")
        }
        switch (self, type) {
        case (_, "ping"): return Array(#"{"type":"pong"}"#.utf8)
        case (.queue(let id), "queue_status_request"): return queue.status(of: id)
        default: return Self.failure("Unknown message type")
        }
    }

    private static func failure(_ message: String) -> [UInt8] {
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", "error")
        text.beginJSONObject(member: "error")
        text.appendMember("message", message)
        text.appendMember("code", 4000)
        text.appendMember("timestamp", SystemClock.wallTime().rfc3339())
        text.endJSONObject()
        text.endJSONObject()
        return text
    }
}
