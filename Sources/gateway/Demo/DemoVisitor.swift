import HTTP
import JSON

/// Who has come, as far as the gateway in front told: the identity fields it adds to a request.
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
