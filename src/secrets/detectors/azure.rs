//! Microsoft Azure and Entra.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "azure-storage-key",
        what: "account key of Azure Storage or Cosmos DB",
        rotate: "regenerate the account key under Access keys in the Azure portal",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&["AccountKey="], &[Part::exactly(Class::Base64, 86), Part::Text("==")]).named_by_lead()
        ]),
        finds: &["DefaultEndpointsProtocol=https;AccountName=a;AccountKey={b64 86}==;EndpointSuffix=core.windows.net"],
        ignores: &["AccountKey=${KEY}", "AccountKey={b64 40}==", "AccountKey=<your key>"],
    },
    Detector {
        id: "azure-shared-access-key",
        what: "shared access key of an Azure Service Bus, Event Hub or IoT Hub",
        rotate: "regenerate the key of the shared access policy in the Azure portal",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&["SharedAccessKey="], &[Part::exactly(Class::Base64, 43), Part::Text("=")]).named_by_lead()
        ]),
        finds: &["Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey={b64 43}="],
        ignores: &["SharedAccessKey={b64 20}", "SharedAccessKeyName=RootManageSharedAccessKey"],
    },
    Detector {
        id: "entra-client-secret",
        what: "client secret of a Microsoft Entra application",
        rotate: "delete the secret under Certificates & secrets of the application, then create a new one",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
            &[Part::Run(Class::Unreserved, 31, 34)],
        )
        .preceded_by(&[Part::exactly(Class::Unreserved, 3)])]),
        finds: &["secret: \"a1B8Q~{b62 34}\"", "AZURE_CLIENT_SECRET=xYz7Q~{b62 31}\n"],
        ignores: &["a1B8Q~{b62 12}", "8Q~{b62 34}", "a1BxQ~{b62 34}"],
    },
    Detector {
        id: "azure-annotated-key",
        what: "key of an Azure service, such as AI services, DevOps or a container registry",
        rotate: "regenerate the key of the service in the Azure portal",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["JQQJ99", "JQQJ9D", "JQQJ9H"], &[Part::exactly(Class::Base62, 26)])
            .preceded_by(&[Part::exactly(Class::Base62, 52)])]),
        finds: &["key: {b62 52}JQQJ99{b62 26}"],
        ignores: &["JQQJ99", "{b62 40}-JQQJ99{b62 26}", "{b62 52}JQQJ99{b62 4}"],
    },
];
