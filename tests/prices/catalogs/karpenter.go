package pricing

// generated at 2026-07-20T13:44:30Z for us-east-1

var InitialOnDemandPricesAWS = map[string]map[ec2types.InstanceType]float64{
	// us-east-1
	"us-east-1": {
		// c5 family
		"c5.12xlarge": 2.000000, "c5.2xlarge": 0.340000, "c5.large": 0.085000, "c5.xlarge": 0.170000,
		// m5 family
		"m5.large": 0.096000, "m5.xlarge": 0.192000,
		// p5 family
		"p5.24xlarge": 30.000000, "p5.48xlarge": 60.000000,
		// t3 family
		"t3.micro": 0.010400, "t3.nano": 0.005200,
	},
	// us-gov-west-1
	"us-gov-west-1": {
		// c5 family
		"c5.large": 0.102000,
	},
}
