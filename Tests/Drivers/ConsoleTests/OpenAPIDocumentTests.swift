import HTTP
import JSON
import Testing

@testable import Console

@Suite struct OpenAPIDocumentTests {
    private func document(_ endpoints: [ConsoleEndpoint]) throws -> JSONObject {
        let console = try TestConsole(endpoints)
        let reply = try console.ask("GET", "/openapi.json")
        #expect(reply.status == 200)
        #expect(reply.field("Content-Type") == "application/json")
        return try #require(reply.json?.object)
    }

    private static var tables: [[ConsoleEndpoint]] { [TestBackend().endpoints, TestEndpoints.all] }

    @Test(arguments: tables.indices)
    func `every endpoint is in it, and nothing else`(table: Int) throws {
        let endpoints = Self.tables[table]
        let document = try document(endpoints)
        #expect(document["openapi"] == "3.1.0")
        let paths = try #require(document["paths"]?.object)
        var found: Set<String> = []
        for path in paths.members {
            for operation in try #require(path.value.object).members {
                found.insert("\(operation.name) \(path.name)")
                let object = try #require(operation.value.object)
                #expect(object["operationId"]?.string != nil)
                let responses = try #require(object["responses"]?.object)
                #expect(responses.contains("401") && responses.contains("504"))
            }
        }
        let expected = endpoints.map { "\($0.method.name.lowercased()) \($0.path.text)" }
        #expect(found == Set(expected))
        #expect(found.count == endpoints.count)
    }

    @Test(arguments: tables.indices)
    func `every reference leads somewhere`(table: Int) throws {
        let document = try document(Self.tables[table])
        let schemas = try #require(document["components"]?.object?["schemas"]?.object)
        let references = Self.references(in: .object(document))
        #expect(references.count > 10)
        for reference in references {
            let prefix = "#/components/schemas/"
            #expect(reference.hasPrefix(prefix))
            #expect(schemas[String(reference.dropFirst(prefix.count))]?.object != nil)
        }
    }

    @Test func `everything is described by words that name it`() throws {
        let document = try document(TestBackend().endpoints)
        let texts = Self.descriptions(in: .object(document))
        #expect(texts.count > 200)
        let pronouns: Set<Substring> = ["It", "Its", "They", "These", "Those", "Who", "Whose"]
        for text in texts {
            let words = text.split(separator: " ")
            #expect(words.count > 1, "\(text)")
            #expect(words.first.map(pronouns.contains) == false, "\(text)")
        }
    }

    /// The texts under `description` and `summary`.
    private static func descriptions(in value: JSONValue) -> [String] {
        switch value {
        case .array(let values): values.flatMap(descriptions)
        case .object(let object):
            object.members.flatMap { member in
                if ["description", "summary"].contains(member.name), let text = member.value.string
                {
                    [text]
                } else {
                    descriptions(in: member.value)
                }
            }
        case .null, .bool, .number, .string: []
        }
    }

    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .array(let values): values.flatMap(references)
        case .object(let object):
            object.members.flatMap { member in
                member.name == "$ref"
                    ? [member.value.string ?? ""] : references(in: member.value)
            }
        case .null, .bool, .number, .string: []
        }
    }

    @Test func `parameters say where they stand`() throws {
        let paths = try #require(try document(TestEndpoints.all)["paths"]?.object)
        let put = try #require(paths["/things/{name}"]?.object?["put"]?.object)
        let parameters = try #require(put["parameters"]?.array)
        let places = parameters.map { parameter in
            let object = parameter.object
            return "\(object?["name"]?.string ?? "") \(object?["in"]?.string ?? "")"
                + " \(object?["required"]?.bool ?? false)"
        }
        #expect(places == ["name path true", "dry_run query false", "If-Match header true"])
        #expect(
            parameters[1].object?["schema"] == ["type": "boolean", "default": false])
        #expect(put["requestBody"]?.object?["required"] == true)
        let responses = try #require(put["responses"]?.object)
        #expect(responses["200"]?.object?["headers"]?.object?.contains("ETag") ?? false)
        for status in ["400", "412", "413", "415", "428"] { #expect(responses.contains(status)) }
    }

    @Test func `forms of a query are told in words`() throws {
        let paths = try #require(try document(TestBackend().endpoints)["paths"]?.object)
        let delete = paths["/revocations"]?.object?["delete"]?.object
        #expect(
            delete?["description"]
                == .string(
                    "Parameters: exactly one of: 'jti'; 'user'; 'before' (with or without 'user')"))
    }

    @Test func `a problem is as its schema says`() throws {
        let console = try TestConsole()
        for reply in [
            try console.ask("GET", "/nothing"), try console.ask("GET", "/", token: nil),
        ] {
            let value = try #require(reply.json)
            #expect(throws: Never.self) { try SchemaCheck().check(value, ConsoleEndpoint.problem) }
        }
    }
}
