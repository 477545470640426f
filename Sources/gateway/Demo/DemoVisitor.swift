import HTTP
import JSON

/// The user of a request, as the gateway in front of the demo says in its identity fields.
struct DemoVisitor {
    private static let members = [
        (field: "X-Auth-User", name: "user"), (field: "X-Auth-Role", name: "role"),
        (field: "X-Client-Id", name: "client_id"), (field: "X-Session-Id", name: "session_id"),
    ]

    private let found: [(name: String, value: String)]

    init(_ head: RequestHead) {
        found = Self.members.compactMap { member in
            head.fields.text(named: member.field).map { (member.name, $0) }
        }
    }

    func appendMembers(to text: inout [UInt8]) {
        for (name, value) in found { text.appendMember(name, value) }
    }
}
