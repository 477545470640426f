import Bytes
import EventStream
import HTTP1
import JSON

/// `/api/sse/stream`: an event stream that says hello and then something every second.
struct DemoEvents {
    private static let retryMilliseconds = 3000
    private static let contentType = "text/event-stream"

    private let store: String
    private let visitor: DemoVisitor
    private var count = 0

    init(store: String, visitor: DemoVisitor) {
        self.store = store
        self.visitor = visitor
    }

    /// What the head of the answer says, but for its framing.
    static func appendFields(to output: inout [UInt8]) {
        HeadEncoder.appendField(name: "Content-Type", value: contentType, to: &output)
        HeadEncoder.appendField(name: "Cache-Control", value: "no-cache", to: &output)
    }

    /// The first event.
    func opening() -> [UInt8] {
        let data = object("connected") { visitor.appendMembers(to: &$0) }
        return event("connected", data, retryMilliseconds: Self.retryMilliseconds)
    }

    /// What is sent every second.
    mutating func next(_ queue: DemoQueue) -> [UInt8] {
        count += 1
        return event("queue_update", object("queue_update") { queue.appendMembers(to: &$0) })
    }

    private func object(_ type: String, _ members: (inout [UInt8]) -> Void) -> String {
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", type)
        text.appendMember("store_id", store)
        members(&text)
        text.endJSONObject()
        return String(decoding: text, as: UTF8.self)
    }

    private func event(
        _ name: String, _ data: String, retryMilliseconds: Int? = nil
    ) -> [UInt8] {
        var event: [UInt8] = []
        EventEncoder.append(
            event: name, id: "\(count)", retryMilliseconds: retryMilliseconds, data: data,
            to: &event)
        return event
    }
}
