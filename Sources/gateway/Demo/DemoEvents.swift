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
    /// HTTP/1.0 has no chunks; there the end of the connection ends the stream.
    private let isChunked: Bool
    private var count = 0

    init(store: String, visitor: DemoVisitor, isChunked: Bool) {
        self.store = store
        self.visitor = visitor
        self.isChunked = isChunked
    }

    /// The answer to HEAD.
    var headOnly: DemoResponse { DemoResponse(contentType: Self.contentType, body: []) }

    /// The head of the response and the first event.
    func opening() -> [UInt8] {
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: 200, to: &output)
        HeadEncoder.appendField(name: "Content-Type", value: Self.contentType, to: &output)
        HeadEncoder.appendField(name: "Cache-Control", value: "no-cache", to: &output)
        let framing = isChunked ? ("Transfer-Encoding", "chunked") : ("Connection", "close")
        HeadEncoder.appendField(name: framing.0, value: framing.1, to: &output)
        HeadEncoder.appendEnd(to: &output)
        let data = object("connected") { visitor.appendMembers(to: &$0) }
        output += event("connected", data, retryMilliseconds: Self.retryMilliseconds)
        return output
    }

    /// What is sent every second.
    mutating func next(_ queue: DemoQueue) -> [UInt8] {
        count += 1
        return event("queue_update", object("queue_update") { queue.appendMembers(to: &$0) })
    }

    /// What ends the stream.
    func ending() -> [UInt8] {
        var output: [UInt8] = []
        if isChunked { HeadEncoder.appendLastChunk(to: &output) }
        return output
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
        guard isChunked else { return event }
        var chunk: [UInt8] = []
        HeadEncoder.appendChunkHeader(size: event.count, to: &chunk)
        chunk += event
        HeadEncoder.appendChunkEnd(to: &chunk)
        return chunk
    }
}
